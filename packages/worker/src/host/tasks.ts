import { LockstepError } from '@lockstep/core/internal';
import type { Board } from '../exchange/board.ts';
import { pieces } from '../exchange/pieces.ts';
import { BufferSink } from '../exchange/sink.ts';
import { Mode, Placement, type Upcoming, type Welcome, WorkKind } from '../gen/lockstep/v1/training_pb.ts';
import type { WorkerAnswer, WorkerJob } from '../member/effects.ts';
import { decodeJob, jobDigest, maxJobBytes } from '../protocol/encode-job.ts';
import { BatchInputs } from './batch-inputs.ts';
import { ComputeTask } from './compute-task.ts';
import { LocalRoundTask } from './local-round-task.ts';
import { Offers } from './offers.ts';
import type { PiecesOfOthers } from './pieces-of-others.ts';
import { type PlannedJob, type PlanOptions, planJob } from './planned-job.ts';
import { StateTasks } from './state-tasks.ts';
import { SumsTasks } from './sums-tasks.ts';
import { Workplace } from './workplace.ts';

export interface TaskOptions extends Omit<PlanOptions, 'updates' | 'reduce'> {
  readonly others: PiecesOfOthers;
  readonly coordinator: string;
  /** A job that is laid out already, and shares its replica with the coordinator of the same process. */
  readonly shared?: PlannedJob;
}

/** Does what the state machine of a worker wants done: moves pieces, and drives the replica, one order at a time. */
export class Tasks {
  readonly #options: TaskOptions;
  readonly #place: Workplace;
  readonly #inputs = new BatchInputs();
  readonly #offers: Offers;
  readonly #computing: ComputeTask;
  readonly #local: LocalRoundTask;
  readonly #state: StateTasks;
  readonly #sums: SumsTasks;
  #orders: Promise<unknown> = Promise.resolve();

  constructor(options: TaskOptions, board: Board) {
    const place = new Workplace(board, options.others, options.coordinator, options.shared !== undefined);
    this.#options = options;
    this.#place = place;
    this.#offers = new Offers(place);
    this.#computing = new ComputeTask(place, this.#inputs, this.#offers);
    this.#local = new LocalRoundTask(place, this.#inputs, this.#offers);
    this.#state = new StateTasks(place);
    this.#sums = new SumsTasks(place);
  }

  /** What is put up for others. A new one for each run. */
  get board(): Board {
    return this.#place.board;
  }

  get welcome(): Welcome | undefined {
    return this.#place.welcome;
  }

  set welcome(welcome: Welcome) {
    this.#place.welcome = welcome;
  }

  async run(job: WorkerJob, signal: AbortSignal): Promise<WorkerAnswer> {
    switch (job.kind) {
      case 'prepare':
        return this.order(() => this.#prepare(job.term, job.jobDigest, signal));
      case 'loadParameters':
        return this.order(() => this.#state.loadParameters(job.item, job.term, signal));
      case 'loadState':
        return this.order(() => this.#state.loadState(job.item, job.address, job.term, signal));
      case 'compute': {
        const task = job.work.kind === WorkKind.LOCAL ? this.#local : this.#computing;
        return this.order(() => task.run(job.work, job.ranges, signal));
      }
      case 'push':
        return this.#sums.push(job.item, job.nodes, job.term, signal);
      case 'exchange':
        return this.#sums.exchange(job.work, job.member, job.term, signal);
      case 'loadReduced':
        return this.#state.loadReduced(job.item, job.address, job.term, signal);
      case 'update':
        return this.order(() => this.#state.update(job.work));
    }
  }

  prefetch({ item, kind, step, samples, ranges, indices }: Upcoming): void {
    const { job } = this.#place;
    if (!job || kind === WorkKind.LOCAL) return;
    const wanted = { item, step, test: kind === WorkKind.EVALUATE, samples, ranges, indices };
    this.#inputs.prefetch(job, wanted, this.#place.fetcher(new AbortController().signal));
  }

  /** Pieces of items before this one are not asked for any more. */
  drop(before: number): void {
    // The state may be that of an older item, where evaluations came after it. Sums are overwritten by what comes next.
    this.#offers.withdraw();
    this.board.release(Math.min(before, this.#state.item));
    this.#inputs.drop(before);
  }

  forget(board: Board): void {
    this.board.close();
    this.#place.board = board;
    for (const part of [this.#inputs, this.#offers, this.#computing, this.#local, this.#state, this.#sums])
      part.forget();
  }

  async close(): Promise<void> {
    this.board.close();
    await this.#orders.catch(() => undefined);
    if (!this.#place.shares) await this.#place.job?.replica.close();
  }

  /** Orders use the replica: the next one begins when the last is done. */
  order<T>(work: () => Promise<T>): Promise<T> {
    const next = this.#orders.then(work, work);
    this.#orders = next.catch(() => undefined);
    return next;
  }

  async #prepare(term: number, digest: string, signal: AbortSignal): Promise<WorkerAnswer> {
    const { shared } = this.#options;
    const place = this.#place;
    if (shared) {
      place.job = shared;
      return {};
    }
    const sink = new BufferSink(maxJobBytes);
    await place.pull('', term, signal)(pieces.job(), sink);
    if (jobDigest(sink.bytes) !== digest)
      throw new LockstepError('The job that came is not the one that was announced.');
    const wire = decodeJob(sink.bytes, this.#options.limitBytes);
    await place.job?.replica.close();
    place.job = undefined;
    // Where the coordinator owns the slices, only replicas of local training update anything here.
    const { placement, mode } = place.welcome as Welcome;
    const updates = placement === Placement.WORKERS || mode === Mode.LOCAL;
    place.job = await planJob(wire, digest, { ...this.#options, updates, reduce: place.reduce });
    return {};
  }
}
