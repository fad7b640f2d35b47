import {
  DataError,
  describeKernels,
  LockstepError,
  loadKernelModule,
  NonFiniteError,
  parameterDigest,
  type StepValues,
  type TracedJob,
} from '@lockstep/core/internal';
import { type RunImage, stepStatus } from '@lockstep/worker';
import type { TrainingState } from '../checkpoint/state.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { RunEvent } from '../observe/events.ts';
import type { Journal } from '../observe/journal.ts';
import { type AgendaItem, agenda, evaluationOnly } from './agenda.ts';
import { describeBadIndex } from './bad-index.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { Cursor } from './cursor.ts';
import { fitRun } from './fit-run.ts';
import { MetricSums, metricsOf } from './metric-sums.ts';
import { ComputePool } from './pool.ts';
import type { EngineRequest, EngineResult } from './request.ts';
import { RunMemory, type SlotAnswer } from './run-memory.ts';

export interface EngineParts {
  readonly request: Omit<EngineRequest, 'job' | 'events' | 'overrides' | 'initialWeights'>;
  readonly traced: TracedJob;
  readonly state: TrainingState;
  readonly store: CheckpointStore | null;
  readonly journal: Journal | null;
  readonly emit: (event: RunEvent) => void;
}

/** One execution of a job: fills the ring of batches, takes the answers in order, and writes down what happened. */
export class Engine {
  readonly #parts: EngineParts;
  readonly #cursor: Cursor;
  readonly #image: RunImage;
  readonly #memory: RunMemory;
  readonly #inFlight: AgendaItem[] = [];
  /** Host values of the steps in flight, for the journal. */
  readonly #values = new Map<number, StepValues>();
  readonly #epoch: MetricSums;
  readonly #evaluation: MetricSums;
  readonly #checkpoints: CheckpointWriter;
  readonly #startedAt = performance.now();
  #collected = 0;
  #stopRequested = false;
  #lastLoss = Number.NaN;
  #metrics: Readonly<Record<string, number>> = {};
  readonly #stepRate = new RateMeter();
  #final: TrainingState | undefined;

  constructor(parts: EngineParts) {
    const { spec } = parts.traced;
    this.#parts = parts;
    this.#cursor = new Cursor(spec);
    this.#epoch = new MetricSums(spec.metrics);
    this.#evaluation = new MetricSums(spec.evaluateMetrics);
    this.#checkpoints = new CheckpointWriter(parts.store, parts.journal, parts.emit);
    const image = fitRun(spec, {
      threads: parts.request.threads,
      mergeShards: parts.request.mergeShards,
      limitBytes: parts.request.memoryLimitBytes,
    });
    this.#memory = new RunMemory(spec, image);
    this.#memory.load(parts.state);
    this.#image = image;
  }

  /** Ends at the next step boundary, with a checkpoint. */
  stop(): void {
    this.#stopRequested = true;
  }

  async run(): Promise<EngineResult> {
    const { request, traced, state } = this.#parts;
    const { spec } = traced;
    const kernels = loadKernelModule({ widen: request.widen });
    this.#announce(describeKernels(kernels));
    const pool = new ComputePool(this.#image.scripts, this.#memory.memory, kernels, request.heapProbeAt ?? -1);
    try {
      const control = {
        stopping: (step: number) => this.#stopRequested || step === request.stopAtStep,
        checkpointDue: (endOfEpoch: boolean) => this.#checkpoints.due(endOfEpoch),
      };
      const items = request.evaluateOnly
        ? evaluationOnly(spec, this.#cursor)
        : agenda(spec, this.#cursor, state.step, control);
      for (const item of items) {
        while (this.#inFlight.length >= this.#memory.capacity) await this.#collect(pool);
        await this.#publish(item);
      }
      while (this.#inFlight.length > 0) await this.#collect(pool);
      this.#memory.publish(undefined, { learningRates: [], scalars: [] });
      const reports = await pool.finished;
      await this.#checkpoints.finish();
      await this.#parts.journal?.flush();
      return this.#result(reports.map(({ heapGrowthBytes }) => heapGrowthBytes));
    } finally {
      this.#memory.poison();
      await pool.close();
      await this.#parts.journal?.close();
    }
  }

  #announce(kernels: string): void {
    const { traced, request, state, emit } = this.#parts;
    const { spec } = traced;
    emit({
      type: 'start',
      job: spec.name,
      parameters: spec.layout.entries.reduce((n, { size }) => n + size, 0),
      steps: spec.steps,
      fromStep: state.step,
      threads: request.threads,
      batch: spec.batch,
      mode: 'sync',
      promise: 'same bits for any number of threads',
      kernels,
      memoryBytes: this.#image.bytes,
      out: request.out,
    });
    if (this.#image.idleThreads > 0) {
      emit({
        type: 'warning',
        message:
          `${this.#image.idleThreads} of ${request.threads} threads are idle: a batch has ${spec.batch.shards} shards. ` +
          'More shards would use them, and are another run with other bits.',
      });
    }
  }

  async #publish(item: AgendaItem): Promise<void> {
    const { host } = this.#parts.traced;
    let values: StepValues = { learningRates: [], scalars: [] };
    if (item.kind !== 'snapshot') {
      const split = item.kind === 'train' ? 'train' : 'test';
      await host.fill(split, item.samples, this.#memory.fields(item.samples.length));
      values = await host.stepValues(item.step);
    }
    this.#memory.publish(item, values);
    if (item.kind === 'train') this.#values.set(item.step, values);
    this.#inFlight.push(item);
  }

  /** Waits for the oldest slot in flight and takes its answer. */
  async #collect(pool: ComputePool): Promise<void> {
    const alive = await this.#memory.answered(this.#collected + 1);
    if (!alive) {
      await pool.finished;
      throw new LockstepError('The compute threads stopped without a reason; run again with --debug and report it.');
    }
    const item = this.#inFlight.shift() as AgendaItem;
    const index = this.#collected++;
    if (item.kind === 'train')
      this.#trained(item, this.#memory.answer(index, this.#parts.traced.spec.train.statistics.length));
    else if (item.kind === 'evaluate') {
      this.#evaluated(item, this.#memory.answer(index, this.#parts.traced.spec.evaluate.statistics.length));
    } else this.#snapshot(item);
  }

  #trained(item: AgendaItem & { kind: 'train' }, answer: SlotAnswer): void {
    const { spec } = this.#parts.traced;
    const { emit, journal } = this.#parts;
    const step = item.step + 1;
    const values = this.#values.get(item.step) as StepValues;
    this.#values.delete(item.step);
    if (answer.status === stepStatus.badIndex) throw this.#badIndex(item.samples, 'train');
    if (answer.status === stepStatus.notFinite && spec.nonFinite === 'stop')
      throw this.#notFinite(step, item.samples.length);
    const skipped = answer.status !== stepStatus.updated;
    if (skipped) {
      const reason =
        answer.status === stepStatus.noWeight ? 'the total weight of the batch is 0' : 'a gradient is not finite';
      emit({ type: 'warning', step, message: `Step ${step} changed nothing: ${reason}.` });
    }
    const metrics = metricsOf(spec.metrics, answer.statistics);
    this.#lastLoss = metrics.loss as number;
    if (!skipped) this.#epoch.add(answer.statistics);
    journal?.append({ step, digest: answer.digest, loss: this.#lastLoss, ...values, ...(skipped && { skipped }) });
    this.#stepRate.count(item.samples.length);
    emit({
      type: 'step',
      step,
      loss: this.#lastLoss,
      metrics,
      learningRate: values.learningRates[0] ?? 0,
      gradientNorm: answer.gradientNorm,
      samplesPerSecond: this.#stepRate.perSecond,
    });
    if (this.#cursor.endsEpoch(item.step)) {
      emit({ type: 'epoch', epoch: step / this.#cursor.stepsPerEpoch, step, metrics: this.#epoch.take() });
    }
  }

  #evaluated(item: AgendaItem & { kind: 'evaluate' }, answer: SlotAnswer): void {
    if (answer.status === stepStatus.badIndex) throw this.#badIndex(item.samples, 'test');
    this.#evaluation.add(answer.statistics);
    if (!item.last) return;
    this.#metrics = this.#evaluation.take();
    this.#checkpoints.evaluated(item.step, this.#metrics.loss as number);
    this.#parts.emit({ type: 'eval', step: item.step, metrics: this.#metrics });
  }

  #snapshot({ step, final }: AgendaItem & { kind: 'snapshot' }): void {
    const state = this.#memory.snapshot(step);
    if (final) this.#final = state;
    this.#checkpoints.write(state);
  }

  #result(threadHeapGrowthBytes: readonly number[]): EngineResult {
    const { spec } = this.#parts.traced;
    const state = this.#final as TrainingState;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const digest = parameterDigest(spec.layout, state.parameters);
    const interrupted = state.step < spec.steps;
    this.#parts.emit({ type: 'done', steps: state.step, digest, loss: this.#lastLoss, seconds, interrupted });
    return {
      spec,
      parameters: state.parameters,
      digest,
      loss: this.#lastLoss,
      steps: state.step,
      seconds,
      interrupted,
      metrics: this.#metrics,
      threadHeapGrowthBytes,
    };
  }

  #badIndex(samples: readonly number[], split: 'train' | 'test'): DataError {
    const { spec } = this.#parts.traced;
    const found = this.#memory.badIndex();
    if (!found) return new DataError('An index is out of range.');
    return new DataError(describeBadIndex(split === 'train' ? spec.train : spec.evaluate, found, samples, split));
  }

  #notFinite(step: number, samples: number): NonFiniteError {
    const gradients = this.#memory.gradients(samples);
    const { entries } = this.#parts.traced.spec.layout;
    const bad = entries.filter(({ offset, size }) =>
      gradients.subarray(offset, offset + size).some((x) => !Number.isFinite(x)),
    );
    const where =
      bad.length > 0
        ? `the gradient of "${bad[0]?.name}" is not finite (${bad.length} of ${entries.length} parameters)`
        : 'the loss is not finite';
    return new NonFiniteError(
      `Step ${step}: ${where}. Nothing was updated; lower the learning rate, clip the gradient (clipNorm), or leave such steps out (nonFinite: 'skip').`,
    );
  }
}

/** Samples per second over the last second or so. */
class RateMeter {
  perSecond = 0;
  #since = performance.now();
  #samples = 0;

  count(samples: number): void {
    this.#samples += samples;
    const seconds = (performance.now() - this.#since) / 1000;
    if (seconds < 0.5 && this.perSecond > 0) return;
    this.perSecond = this.#samples / Math.max(seconds, 1e-3);
    this.#since = performance.now();
    this.#samples = 0;
  }
}
