import type { ComputedMessage, TreeNode } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import { handOut } from './apportion.ts';
import { Assignments } from './assignments.ts';
import { Batch, leavesOf, paceKind, upcomingFor } from './batch.ts';
import type { ItemSpec } from './effects.ts';
import { Fetches, shardsIn } from './fetches.ts';
import type { Round, RoundContext, RoundMessage } from './round.ts';
import { lateFactor, leastStragglingMs, recordTime } from './stragglers.ts';

/**
 * An item whose sums come to the coordinator: a step where it owns the parameters, every evaluation, a local round.
 *
 * - `working`: shards are with members; what is lost goes to others, what is late is given out a second time;
 * - `updating`: all sums are here, the coordinator's own replica is busy with them;
 * - `done`.
 */
export class CollectRound implements Round {
  readonly spec: ItemSpec;
  upcoming?: ItemSpec;
  readonly #context: RoundContext;
  readonly #batch: Batch;
  readonly #assignments: Assignments;
  readonly #fetches: Fetches;
  /** Whose shards were given out a second time. */
  readonly #late = new Set<Member>();
  #stage: 'working' | 'updating' | 'done' = 'working';
  /** The longest that somebody took for this item, in milliseconds. */
  #slowestMs = 0;
  #startedMs = 0;
  #started = false;

  constructor(spec: ItemSpec, context: RoundContext) {
    this.spec = spec;
    this.#context = context;
    this.#batch = new Batch(spec, leavesOf(spec, context));
    this.#assignments = new Assignments(this.#batch.filled);
    this.#fetches = new Fetches(context);
  }

  get step(): number {
    return this.spec.step;
  }

  get done(): boolean {
    return this.#stage === 'done';
  }

  get stranded(): boolean {
    const nobody = this.#context.takers().length === 0 && this.#assignments.busy.length === 0;
    return this.#stage === 'working' && nobody && this.#fetches.size === 0;
  }

  concerns(item: number): boolean {
    return item === this.spec.item;
  }

  needs(member: Member): boolean {
    return this.#stage === 'working' && (this.#fetches.isFrom(member) || this.#assignments.isBusy(member));
  }

  covers(shards: readonly number[]): boolean {
    return this.#assignments.covers(shards);
  }

  start(): void {
    this.#started = true;
    this.#startedMs = this.#context.now();
    const members = this.#context.takers();
    const ranges = this.#context.ranges(this.spec, members);
    members.forEach((member, i) => {
      const range = ranges[i] as TreeNode;
      if (this.#batch.samplesOf([range]) > 0) this.#give(member, [range], upcomingFor(this.#context, this.upcoming, i));
      else this.#context.pace.idle(paceKind(this.spec), member, members);
    });
  }

  received(member: Member, message: RoundMessage): void {
    if (message.case !== 'computed') this.#context.refuse(`${message.case} where the coordinator adds up`);
    else this.#computed(member, message.value);
  }

  told(input: Parameters<Round['told']>[0]): void {
    const { item } = this.spec;
    if (input.kind === 'updated') {
      if (this.#stage === 'updating') this.#stage = 'done';
    } else if (input.kind === 'missed') this.#fetches.missed(input.member, item, input.node, input.reason);
    else if (input.kind === 'arrived') {
      this.#fetches.arrived(input.member, item, input.node);
      this.#arrived(input.node);
    }
  }

  joined(): void {
    if (this.#started) this.#giveOrphans();
  }

  lost(member: Member): readonly number[] {
    this.#assignments.take(member);
    this.#fetches.drop(member);
    const orphans = this.#orphans();
    this.#giveOrphans();
    return orphans;
  }

  /** When others are done and somebody is late, its shards are given out a second time; the first sum wins. */
  tick(): void {
    if (this.#stage !== 'working') return;
    this.#fetches.tick();
    this.#copyLate();
  }

  #copyLate(): void {
    const idle = this.#context.takers().filter((member) => !this.#assignments.isBusy(member));
    if (idle.length === 0) return;
    const kind = paceKind(this.spec);
    const late = this.#assignments.busy.flatMap(({ member, open, samples, sinceMs }) => {
      const expectedMs = this.#context.pace.expectedMs(kind, member, samples, this.#context.takers()) ?? 0;
      const patienceMs = Math.max(leastStragglingMs, lateFactor * Math.max(expectedMs, this.#slowestMs));
      if (this.#context.now() - sinceMs <= patienceMs) return [];
      this.#late.add(member);
      return [...open];
    });
    const here = this.#fetches.shards;
    const alone = late.filter(
      (s) => this.#assignments.copies(s) === 1 && !this.#assignments.covers([s]) && !here.has(s),
    );
    if (alone.length > 0)
      this.#spread(
        alone.sort((a, b) => a - b),
        idle,
      );
  }

  /** The item goes on without those who have not even said that they are done: what they took so far is the least that they took. */
  #tellLate(): void {
    for (const { member, samples, sinceMs } of this.#assignments.unfinished) {
      if (!this.#late.has(member)) continue;
      recordTime(this.#context, this.spec, member, samples, this.#context.now() - sinceMs);
    }
  }

  #computed(member: Member, { item, nodes, computeMs }: ComputedMessage): void {
    const ranges = nodes.map(({ range }) => ({ lo: range?.lo ?? 0, hi: range?.hi ?? 0 }));
    const known = ranges.every(({ lo, hi }) => lo < hi && hi <= leavesOf(this.spec, this.#context));
    if (item !== this.spec.item || !known) {
      this.#context.refuse(`sums of item ${item} at item ${this.spec.item}`);
      return;
    }
    if (this.#stage === 'working' || !this.#late.has(member))
      recordTime(this.#context, this.spec, member, this.#batch.samplesOf(ranges), computeMs);
    this.#slowestMs = Math.max(this.#slowestMs, this.#context.now() - this.#startedMs);
    this.#assignments.finished(member, ranges);
    nodes.forEach(({ values }, i) => {
      const node = ranges[i] as TreeNode;
      // Where a member pushes, its sums have arrived before it says that it has them.
      if (this.#assignments.covers(shardsIn(node))) return;
      if (values.length > 0 || member.address !== '') this.#fetches.begin(member, item, node, values);
    });
    this.#giveOrphans();
  }

  #arrived(node: TreeNode): void {
    if (!this.#assignments.cover(node) || this.#stage !== 'working' || !this.#assignments.complete) return;
    this.#stage = 'updating';
    this.#tellLate();
    this.#context.act({ kind: 'reduced', item: this.spec.item });
  }

  #orphans(): number[] {
    const fetched = this.#fetches.shards;
    return this.#assignments.orphans((s) => fetched.has(s));
  }

  #giveOrphans(): void {
    if (this.#stage !== 'working') return;
    const orphans = this.#orphans();
    const members = this.#context.takers();
    if (orphans.length > 0 && members.length > 0) this.#spread(orphans, members);
  }

  #spread(shards: readonly number[], members: readonly Member[]): void {
    const shares = handOut(shards, this.#context.pace.weights(paceKind(this.spec), members));
    members.forEach((member, i) => {
      const ranges = shares[i] as TreeNode[];
      if (ranges.length > 0) this.#give(member, ranges);
    });
  }

  #give(member: Member, ranges: readonly TreeNode[], ahead: ReturnType<typeof upcomingFor> = {}): void {
    this.#assignments.give(member, ranges, this.#batch.samplesOf(ranges), this.#context.now());
    const work = this.#batch.work(ranges, this.#context.stateItem());
    this.#context.say(member, { case: 'work', value: { ...work, ...ahead } });
  }
}
