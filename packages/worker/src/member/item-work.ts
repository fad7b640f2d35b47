import type { Range, Work } from '../gen/lockstep/v1/training_pb.ts';
import type { TreeNode } from '../sharding/tree.ts';
import type { FromWorkerMessage, UpdateResult, WorkerAnswer } from './effects.ts';
import type { Failure, Jobs } from './jobs.ts';

/** What an item's work may use of its worker, as long as one session lasts. */
export interface Desk {
  readonly jobs: Jobs;
  /** Number of this worker in the run. */
  readonly member: number;
  /** Whether the coordinator can pull from here. */
  readonly reachable: boolean;
  /** How long a job is tried again while the network is at fault. */
  readonly patienceMs: number;
  term(): number;
  /** The item whose parameters (and, with workers as owners, whole state) are in the replica; undefined = none. */
  holds: number | undefined;
  say(message: FromWorkerMessage): void;
}

/**
 * One item at a worker:
 *
 * - `working`: ranges are computed and put on the board. Where workers are the owners, sums of others are pulled, added and gathered
 *   at the same time; where the coordinator is, an item never leaves this stage, and more ranges may follow;
 * - `stopped`: a `Regroup` came; ranges that are being computed go on, nothing is exchanged;
 * - `updating`: all reduced sums are here, the update is being applied;
 * - `updated`: the replica holds the state after this item.
 */
export class ItemWork {
  stage: 'working' | 'stopped' | 'updating' | 'updated' = 'working';
  readonly item: number;
  readonly #desk: Desk;
  #work: Work;
  /** The term under which sums are being exchanged. */
  #term: number;
  /** Computed, or being computed. */
  #ranges: Range[] = [];
  /** Ranges that wait for the parameters; undefined when these are here. */
  #waiting: (() => void)[] | undefined;
  /** Ends what only moves data. */
  readonly #stops = new Set<() => void>();
  /** Ends what computes, or fetches the samples for it. */
  readonly #computing = new Set<() => void>();
  /** Said when an update that was under way at a `Regroup` is finished. */
  #owesRegrouped = false;

  constructor(work: Work, desk: Desk) {
    this.item = work.item;
    this.#work = work;
    this.#desk = desk;
    this.#term = desk.term();
    if (desk.holds !== work.parametersItem) this.#load(work.parametersItem);
    this.#begin(work, work.ranges);
  }

  /** More of the same item. False where there is nothing new in it. */
  more(work: Work): boolean {
    const fresh = work.ranges.filter((range) => !this.#has(range));
    const exchange = work.owners.length > 0 && this.#desk.term() > this.#term;
    if (this.stage === 'updating' || this.stage === 'updated' || !(fresh.length > 0 || exchange)) return false;
    this.#work = work;
    this.#term = this.#desk.term();
    this.stage = 'working';
    this.#begin(work, fresh);
    return true;
  }

  /** The worker set has changed. An update under way is finished first: it needs nobody. */
  regroup(): void {
    if (this.stage === 'updating') this.#owesRegrouped = true;
    else {
      if (this.stage === 'working') this.abandon();
      this.#sayRegrouped();
    }
  }

  /** The sums of this item are known elsewhere. False where they are not needed. */
  adopt(address: string): boolean {
    if (this.stage === 'updating' || this.stage === 'updated') return false;
    this.abandon();
    this.stage = 'working';
    this.#persist({ kind: 'loadReduced', term: this.#desk.term(), item: this.item, address }, () => this.#update());
    return true;
  }

  /** Stops what moves data; the replica finishes what it has begun. */
  abandon(): void {
    for (const stop of this.#stops) stop();
    this.#stops.clear();
    if (this.stage === 'working') this.stage = 'stopped';
  }

  /** Nobody waits for this item any more: its samples may be gone, and that they are is no failure. */
  end(): void {
    this.abandon();
    for (const stop of this.#computing) stop();
    this.#computing.clear();
  }

  #begin(work: Work, ranges: readonly Range[]): void {
    if (ranges.length > 0) {
      this.#ranges.push(...ranges);
      const compute = () => this.#compute(work, ranges);
      if (this.#waiting) this.#waiting.push(compute);
      else compute();
    }
    if (work.owners.length === 0) return;
    const { member } = this.#desk;
    this.#persist({ kind: 'exchange', term: this.#term, work, member }, () => this.#update());
  }

  /** Parameters come from the coordinator; the shards follow when they are here. */
  #load(item: number): void {
    this.#waiting = [];
    this.#desk.holds = undefined;
    this.#persist({ kind: 'loadParameters', term: this.#term, item }, () => {
      this.#desk.holds = item;
      const waiting = this.#waiting ?? [];
      this.#waiting = undefined;
      for (const compute of waiting) compute();
    });
  }

  #compute(work: Work, ranges: readonly TreeNode[]): void {
    // Not among what a Regroup stops: nodes stay valid whoever is there.
    const stop = this.#desk.jobs.persist(
      { kind: 'compute', work, ranges },
      this.#desk.patienceMs,
      ({ nodes = [], computeMs = 0 }) => {
        this.#computing.delete(stop);
        const long = nodes.filter(({ values, outputs }) => values === undefined || outputs);
        const say = () => this.#sayComputed(nodes, computeMs);
        // Where workers exchange, nobody but them pulls; otherwise the coordinator must have the data before it hears of it.
        if (long.length === 0 || this.#desk.reachable || work.owners.length > 0) say();
        else this.#persist({ kind: 'push', term: this.#desk.term(), item: this.item, nodes: long }, say);
      },
      this.#failed,
    );
    this.#computing.add(stop);
  }

  #update(): void {
    this.stage = 'updating';
    // In between the replica holds neither state.
    this.#desk.holds = undefined;
    const updated = ({ update }: WorkerAnswer) => {
      const { gradientSquares, ...rest } = update as UpdateResult;
      this.stage = 'updated';
      this.#desk.holds = this.item;
      this.#desk.say({
        case: 'updated',
        value: { item: this.item, ...rest, gradientSquares: [...gradientSquares] },
      });
      if (this.#owesRegrouped) this.#sayRegrouped();
      this.#owesRegrouped = false;
    };
    this.#desk.jobs.start({ kind: 'update', work: this.#work }, updated, this.#failed);
  }

  #persist(job: Parameters<Jobs['persist']>[0], then: () => void): void {
    const stop = this.#desk.jobs.persist(
      job,
      this.#desk.patienceMs,
      () => {
        this.#stops.delete(stop);
        then();
      },
      this.#failed,
    );
    this.#stops.add(stop);
  }

  #sayComputed(nodes: readonly (TreeNode & { values?: Uint8Array })[], computeMs: number): void {
    const told = nodes.map(({ lo, hi, values }) => ({ range: { lo, hi }, ...(values && { values }) }));
    this.#desk.say({ case: 'computed', value: { item: this.item, nodes: told, computeMs } });
  }

  #sayRegrouped(): void {
    const updatedItem = this.#desk.holds ?? 0;
    this.#desk.say({ case: 'regrouped', value: { updatedItem, item: this.item, ranges: this.#ranges } });
  }

  readonly #failed = ({ message, fault, member = 0 }: Failure): void => {
    this.abandon();
    const value = { item: this.item, message, jobAtFault: fault === 'job', unreachableMember: member };
    this.#desk.say({ case: 'failed', value });
  };

  #has({ lo, hi }: TreeNode): boolean {
    return this.#ranges.some((mine) => mine.lo <= lo && hi <= mine.hi);
  }
}
