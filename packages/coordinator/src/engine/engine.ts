import { setImmediate } from 'node:timers/promises';
import { DataError, describeKernels, type PhaseSpec, type Program, type StepValues } from '@lockstep/core/internal';
import {
  ComputePool,
  type ComputeThreads,
  describeBadIndex,
  describeRescue,
  fitRun,
  Rescue,
  type Rescued,
  type RunImage,
  RunMemory,
  type SlotAnswer,
  stepStatus,
} from '@lockstep/worker/local';
import { promiseOf } from '../observe/promise.ts';
import { type AgendaItem, agenda, evaluationOnly } from './agenda.ts';
import { announce } from './announce.ts';
import { Cursor } from './cursor.ts';
import { Pace } from './pace.ts';
import type { EngineRequest, EngineResult } from './request.ts';
import { type RecordParts, RunRecord } from './run-record.ts';

export interface EngineParts extends RecordParts {
  readonly request: Omit<EngineRequest, 'job' | 'events' | 'overrides' | 'initialWeights'>;
  /** As many as the request says; closed at the end of the run. */
  readonly threads: ComputeThreads;
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
  readonly #record: RunRecord;
  #collected = 0;
  #stopRequested = false;
  #rescue: Rescue | undefined;
  readonly #rescued: Rescued[] = [];

  constructor(parts: EngineParts) {
    const { spec } = parts.traced;
    this.#parts = parts;
    this.#cursor = new Cursor(spec);
    this.#record = new RunRecord(parts, this.#cursor);
    const image = fitRun(spec, {
      threads: parts.request.threads,
      mergeShards: parts.request.mergeShards,
      limitBytes: parts.request.memoryLimitBytes,
      reduce: parts.request.reduce,
    });
    this.#memory = new RunMemory(spec, image);
    this.#memory.load(parts.state);
    // The run starts from its own memory: what it was loaded from is given back now, not when garbage is collected.
    for (const { buffer } of [parts.state.parameters, ...Object.values(parts.state.optimizer)])
      if (buffer instanceof ArrayBuffer) buffer.transfer(0);
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
    const options = {
      heapProbeAt: request.heapProbeAt ?? -1,
      profile: request.profile,
      faults: request.threadFaults?.faults ?? [],
    };
    const pool = new ComputePool(this.#image.scripts, this.#memory.memory, kernels, options, this.#parts.threads);
    const { scripts, contexts } = this.#image;
    const { memory, ring } = this.#memory;
    this.#rescue = new Rescue({ pool, ring, memory, scripts, contexts, stages: 0 });
    try {
      const control = {
        stopping: (step: number) => this.#stopRequested || this.#record.stoppedEarly || step === request.stopAtStep,
        checkpointDue: (endOfEpoch: boolean) => this.#record.checkpointDue(endOfEpoch),
      };
      const items = request.evaluateOnly
        ? evaluationOnly(spec, this.#cursor)
        : agenda(spec, this.#cursor, state.step, control);
      for (const item of items) {
        while (this.#inFlight.length >= this.#pace.depth) await this.#collect(this.#pace.wanted(this.#inFlight.length));
        // There is one place for a snapshot: the last one is on disk before the next is made.
        while (item.kind === 'snapshot' && this.#inFlight.some(({ kind }) => kind === 'snapshot'))
          await this.#collect();
        if (item.kind === 'snapshot') await this.#record.written();
        if (item.kind === 'snapshot' && item.final) {
          while (this.#inFlight.length > 0) await this.#collect();
          this.#record.snapshot(this.#memory.finalState(item.step), true);
          break;
        }
        await this.#publish(item);
        // Nothing is computed ahead of an evaluation that decides how the run goes on.
        const decides = item.kind === 'evaluate' && item.last && this.#record.followsEvaluations;
        while (decides && this.#inFlight.length > 0) await this.#collect();
      }
      while (this.#inFlight.length > 0) await this.#collect();
      this.#memory.publish(undefined, { learningRates: [], scalars: [] });
      const reports = await pool.reports();
      await this.#record.finish();
      return this.#record.result(reports);
    } finally {
      this.#memory.poison();
      await pool.close();
      await this.#parts.journal?.close();
    }
  }

  #announce(kernels: string): void {
    const { traced, request, state, emit } = this.#parts;
    const { spec } = traced;
    const { bytes: memoryBytes, idleThreads } = this.#image;
    const promise = promiseOf({ mode: 'sync', reduce: request.reduce, compression: '', staleness: 0 });
    const idle =
      idleThreads > 0
        ? `${idleThreads} of ${request.threads} threads are idle: a batch has ${spec.batch.shards} shards. ` +
          'More shards would use them, and are another run with other bits.'
        : undefined;
    announce({ spec, request, state, emit, rest: { mode: 'sync', promise, kernels, memoryBytes }, warnings: [idle] });
  }

  async #publish(item: AgendaItem): Promise<void> {
    const { host } = this.#parts.traced;
    let values: StepValues = { learningRates: [], scalars: [] };
    if (item.kind !== 'snapshot') {
      const split = item.kind === 'train' ? 'train' : 'test';
      await host.fill(split, item.samples, this.#memory.fields(item.samples.length));
      values = await host.stepValues(item.step, this.#record.testLosses);
    }
    this.#memory.publish(item, values);
    if (item.kind === 'train') this.#values.set(item.step, values);
    this.#inFlight.push(item);
  }

  /** Waits for the oldest `wanted` slots in flight, and takes all answers that are there. */
  async #collect(wanted = 1): Promise<void> {
    const answered = await this.#memory.answered(this.#collected + 1, this.#collected + wanted);
    if (answered < 0) {
      this.#rescued.push(await (this.#rescue as Rescue).rescue());
      return;
    }
    this.#announceRescues();
    this.#record.assertHeld();
    this.#pace.answered(answered - this.#collected);
    while (this.#collected < answered) await this.#take(this.#inFlight.shift() as AgendaItem, this.#collected++);
    // Where threads are always ahead nothing above has waited for the event loop.
    if (!this.#pace.breathless) return;
    await setImmediate();
    this.#pace.breathed();
  }

  /** Told once the slots that were open are answered. */
  #announceRescues(): void {
    for (const rescued of this.#rescued.splice(0)) {
      const item = this.#inFlight[rescued.slot - this.#collected];
      this.#parts.emit({
        type: 'warning',
        ...(item && { step: item.kind === 'train' ? item.step + 1 : item.step }),
        message: describeRescue(rescued),
      });
    }
  }

  async #take(item: AgendaItem, index: number): Promise<void> {
    const { spec } = this.#parts.traced;
    switch (item.kind) {
      case 'train':
        this.#trained(item, this.#memory.answer(index, spec.phases[item.phase]?.program.statistics.length ?? 0));
        break;
      case 'evaluate': {
        const answer = this.#memory.answer(index, spec.evaluate.statistics.length);
        if (answer.status === stepStatus.badIndex) throw this.#badIndex(item.samples, spec.evaluate, 'test');
        await this.#record.evaluated(item, answer.statistics, this.#memory.gathered(index, item.samples.length));
        break;
      }
      case 'snapshot':
        this.#record.snapshot(this.#memory.snapshot(item.step), false);
    }
  }

  #trained(item: AgendaItem & { kind: 'train' }, answer: SlotAnswer): void {
    const values = this.#values.get(item.step) as StepValues;
    if (item.last) this.#values.delete(item.step);
    if (answer.status === stepStatus.badIndex) {
      const { program } = this.#parts.traced.spec.phases[item.phase] as PhaseSpec;
      throw this.#badIndex(item.samples, program, 'train');
    }
    this.#record.trained(item, values, answer, () => this.#memory.gradients(item.samples.length));
  }

  #badIndex(samples: readonly number[], program: Program, split: 'train' | 'test'): DataError {
    const found = this.#memory.badIndex();
    if (!found) return new DataError('An index is out of range.');
    return new DataError(describeBadIndex(program, found, samples, split));
  }
}
