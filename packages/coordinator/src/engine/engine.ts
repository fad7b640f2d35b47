import { setImmediate } from 'node:timers/promises';
import {
  DataError,
  describeKernels,
  LockstepError,
  NonFiniteError,
  type PhaseSpec,
  type Program,
  parameterDigest,
  type StepValues,
  type TracedJob,
} from '@lockstep/core/internal';
import {
  ComputePool,
  type ComputeReport,
  fitRun,
  type RunImage,
  RunMemory,
  type SlotAnswer,
  stepStatus,
  type TrainingState,
} from '@lockstep/worker';
import { modelWeights } from '../checkpoint/state.ts';
import type { CheckpointStore } from '../checkpoint/store.ts';
import type { RunEvent } from '../observe/events.ts';
import type { Journal } from '../observe/journal.ts';
import { promiseOf } from '../observe/promise.ts';
import { type AgendaItem, agenda, evaluationDue, evaluationOnly } from './agenda.ts';
import { describeBadIndex } from './bad-index.ts';
import { CheckpointWriter } from './checkpoint-writer.ts';
import { Cursor } from './cursor.ts';
import { EarlyStopping } from './early-stopping.ts';
import { fewRowsWarning } from './few-rows.ts';
import { Gathering } from './gathering.ts';
import { MetricSums } from './metric-sums.ts';
import { Pace } from './pace.ts';
import type { EngineRequest, EngineResult } from './request.ts';
import { StepLog } from './step-log.ts';

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
  readonly #pace: Pace;
  readonly #inFlight: AgendaItem[] = [];
  /** Host values of the steps in flight, for the journal. */
  readonly #values = new Map<number, StepValues>();
  readonly #log: StepLog;
  readonly #early: EarlyStopping | undefined;
  /** On the test split, as schedules see them: only of evaluations that a longer run would have too. */
  readonly #testLosses: number[];
  readonly #evaluation: MetricSums;
  readonly #gathering: Gathering;
  readonly #checkpoints: CheckpointWriter;
  readonly #startedAt = performance.now();
  #collected = 0;
  #stopRequested = false;
  #metrics: Readonly<Record<string, number>> = {};
  #final: TrainingState | undefined;

  constructor(parts: EngineParts) {
    const { spec } = parts.traced;
    this.#parts = parts;
    this.#cursor = new Cursor(spec);
    this.#log = new StepLog(spec, this.#cursor, parts.journal, parts.emit);
    if (spec.earlyStopping) this.#early = new EarlyStopping(spec.earlyStopping, parts.state.counters.earlyStopping);
    this.#testLosses = [...(parts.state.counters.testLosses ?? [])];
    this.#evaluation = new MetricSums(spec.evaluateMetrics);
    this.#gathering = new Gathering(spec.gathered, spec.testLength);
    this.#checkpoints = new CheckpointWriter(parts.store, parts.journal, parts.emit);
    const image = fitRun(spec, {
      threads: parts.request.threads,
      mergeShards: parts.request.mergeShards,
      limitBytes: parts.request.memoryLimitBytes,
    });
    this.#memory = new RunMemory(spec, image);
    this.#memory.load(parts.state);
    this.#pace = new Pace(this.#memory.capacity);
    this.#image = image;
  }

  /** Ends at the next step boundary, with a checkpoint. */
  stop(): void {
    this.#stopRequested = true;
  }

  async run(): Promise<EngineResult> {
    const { request, traced, state } = this.#parts;
    const { spec } = traced;
    const { kernels } = request;
    this.#announce(describeKernels(kernels));
    const pool = new ComputePool(this.#image.scripts, this.#memory.memory, kernels, {
      heapProbeAt: request.heapProbeAt ?? -1,
      profile: request.profile,
    });
    try {
      const control = {
        stopping: (step: number) => this.#stopRequested || this.#early?.stop === true || step === request.stopAtStep,
        checkpointDue: (endOfEpoch: boolean) => this.#checkpoints.due(endOfEpoch),
      };
      const items = request.evaluateOnly
        ? evaluationOnly(spec, this.#cursor)
        : agenda(spec, this.#cursor, state.step, control);
      for (const item of items) {
        while (this.#inFlight.length >= this.#pace.depth)
          await this.#collect(pool, this.#pace.wanted(this.#inFlight.length));
        await this.#publish(item);
        // Nothing is computed ahead of an evaluation that decides how the run goes on.
        const decides = item.kind === 'evaluate' && item.last && (this.#early || spec.followsEvaluations);
        while (decides && this.#inFlight.length > 0) await this.#collect(pool);
      }
      while (this.#inFlight.length > 0) await this.#collect(pool);
      this.#memory.publish(undefined, { learningRates: [], scalars: [] });
      const reports = await pool.finished;
      await this.#checkpoints.finish();
      await this.#parts.journal?.flush();
      return this.#result(reports);
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
      promise: promiseOf({ mode: 'sync', compressed: false, staleness: 0 }),
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
    const few = fewRowsWarning(spec);
    if (few) emit({ type: 'warning', message: few });
  }

  async #publish(item: AgendaItem): Promise<void> {
    const { host } = this.#parts.traced;
    let values: StepValues = { learningRates: [], scalars: [] };
    if (item.kind !== 'snapshot') {
      const split = item.kind === 'train' ? 'train' : 'test';
      await host.fill(split, item.samples, this.#memory.fields(item.samples.length));
      values = await host.stepValues(item.step, this.#testLosses);
    }
    this.#memory.publish(item, values);
    if (item.kind === 'train') this.#values.set(item.step, values);
    this.#inFlight.push(item);
  }

  /** Waits for the oldest `wanted` slots in flight, and takes all answers that are there. */
  async #collect(pool: ComputePool, wanted = 1): Promise<void> {
    const answered = await this.#memory.answered(this.#collected + 1, this.#collected + wanted);
    if (answered < 0) {
      await pool.finished;
      throw new LockstepError('The compute threads stopped without a reason; run again with --debug and report it.');
    }
    this.#pace.answered(answered - this.#collected);
    while (this.#collected < answered) await this.#take(this.#inFlight.shift() as AgendaItem, this.#collected++);
    // Where threads are always ahead nothing above has waited for the event loop.
    if (!this.#pace.breathless) return;
    await setImmediate();
    this.#pace.breathed();
  }

  async #take(item: AgendaItem, index: number): Promise<void> {
    if (item.kind === 'train') {
      this.#trained(item, this.#memory.answer(index, this.#phase(item).program.statistics.length));
    } else if (item.kind === 'evaluate') {
      await this.#evaluated(item, index);
    } else this.#snapshot(item);
  }

  #trained(item: AgendaItem & { kind: 'train' }, answer: SlotAnswer): void {
    const values = this.#values.get(item.step) as StepValues;
    if (item.last) this.#values.delete(item.step);
    if (answer.status === stepStatus.badIndex) throw this.#badIndex(item.samples, this.#phase(item).program, 'train');
    if (answer.status === stepStatus.notFinite && this.#parts.traced.spec.nonFinite === 'stop') {
      throw this.#notFinite(item);
    }
    this.#log.add(item, values, answer);
  }

  #phase({ phase }: AgendaItem & { kind: 'train' }): PhaseSpec {
    return this.#parts.traced.spec.phases[phase] as PhaseSpec;
  }

  async #evaluated(item: AgendaItem & { kind: 'evaluate' }, index: number): Promise<void> {
    const { spec, host } = this.#parts.traced;
    const { evaluate } = spec;
    const answer = this.#memory.answer(index, evaluate.statistics.length);
    if (answer.status === stepStatus.badIndex) throw this.#badIndex(item.samples, evaluate, 'test');
    this.#evaluation.add(answer.statistics);
    this.#gathering.add(this.#memory.gathered(index, item.samples.length), item.samples.length);
    if (!item.last) return;
    const means = this.#evaluation.take();
    const gathered = this.#gathering.take();
    this.#metrics = spec.hostMetrics.length > 0 ? { ...means, ...(await host.measure(gathered, means)) } : means;
    this.#early?.evaluated(this.#metrics);
    const { loss } = this.#metrics as { loss: number };
    if (spec.followsEvaluations && evaluationDue(spec, this.#cursor, item.step)) {
      // JSON has no infinities.
      this.#testLosses.push(Number.isFinite(loss) ? loss : Number.MAX_VALUE);
    }
    this.#checkpoints.evaluated(item.step, loss);
    if (!Number.isFinite(this.#metrics.loss)) {
      const message = `The loss on the test data is ${this.#metrics.loss} at step ${item.step}: look for values in the test data or the model that are not finite.`;
      this.#parts.emit({ type: 'warning', step: item.step, message });
    }
    this.#parts.emit({ type: 'eval', step: item.step, metrics: this.#metrics });
  }

  #snapshot({ step, final }: AgendaItem & { kind: 'snapshot' }): void {
    const memory = this.#memory.snapshot(step);
    const counters = {
      ...memory.counters,
      ...(this.#early && { earlyStopping: this.#early.counters }),
      ...(this.#testLosses.length > 0 && { testLosses: [...this.#testLosses] }),
    };
    const state = { ...memory, counters };
    if (final) this.#final = state;
    this.#checkpoints.write(state);
  }

  #result(reports: readonly ComputeReport[]): EngineResult {
    const { spec } = this.#parts.traced;
    const state = this.#final as TrainingState;
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const digest = parameterDigest(spec.layout, state.parameters);
    const stoppedEarly = this.#early?.stop === true;
    const interrupted = state.step < spec.steps && !stoppedEarly;
    const { lastLoss: loss } = this.#log;
    this.#parts.emit({ type: 'done', steps: state.step, digest, loss, seconds, interrupted, stoppedEarly });
    return {
      spec,
      parameters: modelWeights(state),
      digest,
      loss: this.#log.lastLoss,
      steps: state.step,
      seconds,
      interrupted,
      metrics: this.#metrics,
      threadHeapGrowthBytes: reports.map(({ heapGrowthBytes }) => heapGrowthBytes),
      profiles: reports.flatMap(({ profile }) => profile ?? []),
    };
  }

  #badIndex(samples: readonly number[], program: Program, split: 'train' | 'test'): DataError {
    const found = this.#memory.badIndex();
    if (!found) return new DataError('An index is out of range.');
    return new DataError(describeBadIndex(program, found, samples, split));
  }

  #notFinite(item: AgendaItem & { kind: 'train' }): NonFiniteError {
    const gradients = this.#memory.gradients(item.samples.length);
    const { layout } = this.#parts.traced.spec;
    const entries = layout.entries.filter(({ offset }) => offset < layout.trained);
    const bad = entries.filter(({ offset, size }) =>
      gradients.subarray(offset, offset + size).some((x) => !Number.isFinite(x)),
    );
    const where =
      bad.length > 0
        ? `the gradient of "${bad[0]?.name}" is not finite (${bad.length} of ${entries.length} parameters)`
        : 'the loss is not finite';
    const { name } = this.#phase(item);
    return new NonFiniteError(
      `Step ${item.step + 1}${name ? `, phase "${name}"` : ''}: ${where}. Nothing was updated; lower the learning rate, clip the gradient (clipNorm, clipValue), or leave such steps out (nonFinite: 'skip').`,
    );
  }
}
