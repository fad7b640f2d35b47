import { randomUUID } from 'node:crypto';
import { setInterval } from 'node:timers';
import { describeKernels, type JobSpec, type StepValues, UsageError } from '@lockstep/core/internal';
import { formatCompression, type TrainingState } from '@lockstep/worker';
import { type AgendaControl, type AgendaItem, agenda, evaluationOnly } from '../engine/agenda.ts';
import { announce } from '../engine/announce.ts';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import { Cursor } from '../engine/cursor.ts';
import type { EngineRequest, EngineResult } from '../engine/request.ts';
import { type RecordParts, RunRecord } from '../engine/run-record.ts';
import { isReproducible, promiseOf } from '../observe/promise.ts';
import { SupersededError } from '../storage/fence.ts';
import { RewindError, StoppedWaiting } from './cluster-driver.ts';
import { ClusterServer } from './cluster-server.ts';
import type { Ticket } from './flow.ts';
import { type FlowItem, flowAgenda } from './flow-agenda.ts';
import { idleWorkersWarning } from './idle-workers.ts';
import { batchesOf, itemSpec, type WorkItem } from './item-plan.ts';
import { type LocalItem, localAgenda } from './local-agenda.ts';
import { LookAhead } from './look-ahead.ts';
import { ownMemory } from './own-memory.ts';
import { Party } from './party.ts';

export interface ClusterParts extends RecordParts {
  readonly request: Omit<EngineRequest, 'job' | 'events' | 'overrides' | 'initialWeights'>;
  readonly cluster: ClusterRequest;
}

/** One execution of a job together with workers: brings the items of the agenda through, one after the other. */
export class ClusterEngine {
  readonly #parts: ClusterParts;
  readonly #cursor: Cursor;
  readonly #run: string;
  #record: RunRecord;
  #stopRequested = false;
  #party: Party | undefined;
  #rewound = false;
  /** The newest state that this process has a copy of. */
  #kept: TrainingState;
  #incarnation: number;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.#cursor = new Cursor(parts.traced.spec);
    this.#run = parts.fence?.run ?? randomUUID();
    this.#record = new RunRecord(parts, this.#cursor);
    this.#kept = parts.state;
    this.#incarnation = parts.fence?.incarnation ?? 1;
  }

  /** Ends at the next step boundary, with a checkpoint; at once where it waits for workers. */
  stop(): void {
    this.#stopRequested = true;
    this.#party?.stopWaiting();
  }

  async run(): Promise<EngineResult> {
    const { cluster, traced, request, emit } = this.#parts;
    checkMode(cluster, traced.spec);
    const server = await ClusterServer.start({ cluster, run: this.#run, emit });
    this.#announce(server.address);
    this.#parts.journal?.remember();
    try {
      for (;;) {
        let reason = 'The run has ended.';
        const party = await Party.gather({
          request,
          // Once it has begun, any worker will do.
          cluster: this.#rewound ? { ...cluster, minWorkers: 1 } : cluster,
          traced,
          server,
          emit,
          run: this.#run,
          incarnation: this.#incarnation,
          state: this.#kept,
          checkFence: () => this.#checkFence(),
        });
        this.#party = party;
        if (this.#stopRequested) party.stopWaiting();
        // One that was replaced while it was away must stop also where it has nothing to write: its workers are waited for elsewhere.
        const watch = setInterval(() => this.#checkFence(), cluster.leaseMs);
        let comeBack = false;
        try {
          await this.#train(party);
          await this.#record.finish();
          const { sent, received } = server.traffic;
          const traffic = { sentBytes: sent, receivedBytes: received };
          return this.#record.result([], { traffic, refused: server.refusals });
        } catch (error) {
          reason = (error as Error).message;
          comeBack = error instanceof RewindError || error instanceof SupersededError;
          if (!(error instanceof RewindError)) throw error;
          await this.#rewind(error);
        } finally {
          clearInterval(watch);
          await party.close(reason, comeBack);
        }
      }
    } finally {
      await server.close();
      await this.#parts.journal?.close();
    }
  }

  #checkFence(): void {
    this.#parts.fence?.check().catch((error: Error) => {
      // A folder that cannot be read for a while is the checkpoints' alarm.
      if (error instanceof SupersededError) this.#party?.fail(error);
    });
  }

  async #train(party: Party): Promise<void> {
    const { request, traced } = this.#parts;
    const { spec } = traced;
    const record = this.#record;
    const control = {
      stopping: (step: number) =>
        this.#stopRequested || record.stoppedEarly || (request.stopAtStep !== null && step >= request.stopAtStep),
      checkpointDue: (endOfEpoch: boolean) => record.checkpointDue(endOfEpoch),
    };
    const items = new LookAhead<AgendaItem | LocalItem | FlowItem>(
      request.evaluateOnly ? evaluationOnly(spec, this.#cursor) : this.#agenda(control),
    );
    for (let item = items.take(); item; item = items.take()) {
      if (item.kind === 'snapshot') {
        this.#kept = await party.snapshot(item.step);
        this.#parts.journal?.remember();
        record.snapshot(this.#kept, item.final);
        continue;
      }
      try {
        if (item.kind === 'flow') await this.#flow(party, item);
        else {
          // An evaluation may decide what comes next.
          const next = item.kind === 'evaluate' && record.followsEvaluations ? undefined : items.peek();
          await this.#bring(party, item, next && next.kind !== 'snapshot' && next.kind !== 'flow' ? next : undefined);
        }
      } catch (error) {
        if (!(error instanceof StoppedWaiting)) throw error;
        record.snapshot(await this.#stateBefore(item, party), true);
        return;
      }
    }
  }

  async #bring(party: Party, item: WorkItem, next: WorkItem | undefined): Promise<void> {
    const { traced, cluster } = this.#parts;
    const number = party.nextItem;
    const values = await this.#values(item);
    const specOf = (work: WorkItem, n: number) => itemSpec(traced.spec, work, n, values, cluster.local.replicas);
    await party.bring(
      { item, spec: specOf(item, number), batches: batchesOf(item, number), values },
      next && { spec: specOf(next, number + 1), batches: batchesOf(next, number + 1) },
      this.#record,
    );
  }

  /** What can be gone on from: between two steps the state as it is; within one, or before an evaluation, the last copy. */
  async #stateBefore(item: WorkItem | FlowItem, party: Party): Promise<TrainingState> {
    const inStep = item.kind === 'train' && item.phase !== this.#firstPhase(item.step);
    if (inStep || item.kind === 'evaluate' || item.kind === 'flow') return this.#kept;
    try {
      return await party.snapshot(item.step);
    } catch (error) {
      if (error instanceof RewindError) return this.#kept;
      throw error;
    }
  }

  #firstPhase(step: number): number {
    return this.#parts.traced.spec.phases.findIndex(({ every }) => step % every === 0);
  }

  #agenda(control: AgendaControl) {
    const { traced, cluster } = this.#parts;
    const { step } = this.#kept;
    if (!isReproducible(cluster.mode)) return flowAgenda(traced.spec, this.#cursor, step, control);
    return cluster.mode === 'local'
      ? localAgenda(traced.spec, this.#cursor, step, cluster.local.steps, control)
      : agenda(traced.spec, this.#cursor, step, control);
  }

  async #flow(party: Party, flow: FlowItem): Promise<void> {
    const { spec } = this.#parts.traced;
    const next = async (): Promise<Ticket | undefined> => {
      const batch = flow.take();
      if (!batch) return undefined;
      const item = { kind: 'train', phase: 0, last: true, ...batch } as const;
      const [values] = await this.#values(item);
      return {
        item,
        values: values as StepValues,
        spec: itemSpec(spec, item, party.nextItem, [values as StepValues], 0),
      };
    };
    await party.flow((await next()) as Ticket, next, this.#record);
  }

  /** Of the item's step, or of each step of a local round. */
  async #values(item: WorkItem): Promise<StepValues[]> {
    const { host } = this.#parts.traced;
    const steps = item.kind === 'local' ? item.batches.map((_, i) => item.step + i) : [item.step];
    return Promise.all(steps.map((step) => host.stepValues(step, this.#record.testLosses)));
  }

  /** Everybody who held the state is gone: back to the copy that is here. The journal shows that the steps come out the same. */
  async #rewind({ message }: RewindError): Promise<void> {
    const { emit } = this.#parts;
    emit({ type: 'warning', step: this.#kept.step, message: `${message} Going on from step ${this.#kept.step}.` });
    this.#rewound = true;
    this.#incarnation++;
    await this.#parts.fence?.advance(this.#incarnation);
    this.#record = new RunRecord({ ...this.#parts, state: this.#kept }, this.#cursor);
  }

  #announce(address: string | undefined): void {
    const { traced, request, state, emit, cluster } = this.#parts;
    const { spec } = traced;
    const { mode, placement, staleness } = cluster;
    const compression = formatCompression(cluster.compression);
    const rest = {
      mode,
      placement,
      promise: promiseOf({ mode, reduce: request.reduce, compression, staleness }),
      kernels: describeKernels(request.kernels),
      memoryBytes: ownMemory(spec, cluster, request.threads),
      ...(address !== undefined && { address }),
    };
    announce({ spec, request, state, emit, rest, warnings: [idleWorkersWarning(cluster)] });
  }
}

/** @throws UsageError where the job cannot be trained in this mode */
function checkMode({ mode, local }: ClusterRequest, { ema, batch, name, phases }: JobSpec): void {
  if (!isReproducible(mode) && phases.length > 1)
    throw new UsageError(
      `Job "${name}" has ${phases.length} phases that take turns, and in mode ${mode} updates have no order: use sync or local.`,
    );
  if (mode !== 'local') return;
  if (ema !== null)
    throw new UsageError(
      `Job "${name}" keeps a moving average of its weights, which mode local does not: leave out ema.`,
    );
  if (local.replicas > batch.shards)
    throw new UsageError(
      `${local.replicas} replicas are more than the ${batch.shards} shards of a batch of job "${name}": use at most ${batch.shards}.`,
    );
}
