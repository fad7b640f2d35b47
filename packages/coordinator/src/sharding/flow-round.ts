import type { ComputedMessage, TreeNode } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import { Assignments } from './assignments.ts';
import { Batch, leavesOf, paceKind } from './batch.ts';
import { Clocks } from './clocks.ts';
import type { ItemSpec } from './effects.ts';
import { Fetches, shardsIn } from './fetches.ts';
import type { Round, RoundContext, RoundMessage } from './round.ts';
import { lateFactor, leastStragglingMs, recordTime } from './stragglers.ts';

/** A whole batch that one member computes. */
interface Turn {
  /** What it is called on the wire: each turn is an item of its own there. */
  readonly item: number;
  readonly ticket: ItemSpec;
  readonly member: Member;
  readonly batch: Batch;
  readonly assignments: Assignments;
  /** Updates that were applied when its parameters were taken. */
  readonly seen: number;
  readonly sinceMs: number;
}

/**
 * Steps between two evaluations or copies whose updates are applied as they come (modes `ssp` and `async`): each member is given a batch, computes its
 * gradient with the parameters as they are then, and is given the next one when its gradient was applied. Batches are asked for one by one (`want`)
 * and given out in order (`ticket`); the order in which they are applied is that in which gradients arrive. A lost member's batch goes to another
 * one, a gradient that has arrived stays. When nothing is left but what somebody is late with, others are given it as well, and the first gradient
 * counts. `done` when there are no more batches and all are applied.
 */
export class FlowRound implements Round {
  readonly spec: ItemSpec;
  readonly #context: RoundContext;
  readonly #clocks: Clocks;
  readonly #fetches: Fetches;
  /** Batches that nobody has, in their order. */
  readonly #tickets: ItemSpec[];
  #exhausted = false;
  #asking = false;
  /** With a member, or on their way from it. */
  readonly #turns = new Map<number, Turn>();
  /** What each member has not said that it has computed. Where it pushes, its gradient is here before that, and perhaps applied. */
  readonly #computing = new Map<Member, Turn>();
  /** Gradients that are here, in the order in which they came; the first one is being applied. */
  readonly #here: Turn[] = [];
  /** Batches of members that were lost, until they are here. */
  readonly #lost = new Set<ItemSpec>();
  #applied = 0;
  /** The item whose parameters there are when the update under way is done. */
  #version = 0;

  constructor(spec: ItemSpec, context: RoundContext) {
    this.spec = spec;
    this.#context = context;
    this.#clocks = new Clocks(context.options.staleness);
    this.#fetches = new Fetches(context);
    this.#tickets = [spec];
  }

  get step(): number {
    return this.spec.step + this.#applied;
  }

  get done(): boolean {
    return this.#exhausted && this.#tickets.length === 0 && this.#turns.size === 0 && this.#here.length === 0;
  }

  get stranded(): boolean {
    const nobody = this.#context.takers().length === 0 && this.#turns.size === 0 && this.#here.length === 0;
    return nobody && !this.done;
  }

  concerns(item: number): boolean {
    return item === this.spec.item || this.#turns.has(item) || this.#here.some((turn) => turn.item === item);
  }

  needs(member: Member): boolean {
    return [...this.#turns.values()].some((turn) => turn.member === member);
  }

  covers(): boolean {
    return this.#lost.size === 0;
  }

  start(): void {
    this.#giveAll();
  }

  received(member: Member, message: RoundMessage): void {
    if (message.case !== 'computed') this.#context.refuse(`${message.case} where updates are applied as they come`);
    else this.#computed(member, message.value);
  }

  told(input: Parameters<Round['told']>[0]): void {
    if (input.kind === 'ticket') this.#ticket(input.ticket);
    else if (input.kind === 'updated') this.#updated(input.item);
    else if (input.kind === 'missed') this.#fetches.missed(input.member, input.item, input.node, input.reason);
    else {
      this.#fetches.arrived(input.member, input.item, input.node);
      this.#arrived(input.item, input.node);
    }
  }

  joined(): void {
    this.#giveAll();
  }

  lost(member: Member): readonly number[] {
    this.#clocks.leave(member.id);
    this.#computing.delete(member);
    this.#fetches.drop(member);
    const gone = [...this.#turns.values()].filter((turn) => turn.member === member);
    for (const { item } of gone) this.#turns.delete(item);
    // Somebody else may be at it already.
    const again = gone.filter(({ ticket }) => ![...this.#turns.values()].some((turn) => turn.ticket === ticket));
    for (const { ticket } of again) this.#lost.add(ticket);
    // Before those that nobody had yet, in their order.
    this.#tickets.unshift(...again.map(({ ticket }) => ticket));
    this.#giveAll();
    return again.flatMap(({ batch }) => batch.filled);
  }

  tick(): void {
    this.#fetches.tick();
    if (this.#exhausted && this.#tickets.length === 0) this.#copyLate();
  }

  /** The end waits for nobody who is late, as long as others are idle and may begin another update. */
  #copyLate(): void {
    const { pace } = this.#context;
    const idle = this.#context.takers().filter((member) => !this.#isBusy(member) && this.#clocks.mayBegin(member.id));
    const turns = [...this.#turns.values()];
    for (const { ticket, member, sinceMs } of turns) {
      const other = idle[0];
      if (!other) return;
      const expectedMs = pace.expectedMs(paceKind(ticket), member, ticket.samples, this.#context.takers()) ?? 0;
      const late = this.#context.now() - sinceMs > Math.max(leastStragglingMs, lateFactor * expectedMs);
      if (!late || turns.filter((turn) => turn.ticket === ticket).length > 1) continue;
      idle.shift();
      this.#hand(ticket, other);
    }
  }

  #isBusy(member: Member): boolean {
    return this.needs(member) || this.#here.some((turn) => turn.member === member);
  }

  #ticket(ticket: ItemSpec | undefined): void {
    this.#asking = false;
    if (ticket) this.#tickets.push(ticket);
    else this.#exhausted = true;
    this.#giveAll();
  }

  /** To everybody who is free and not too far ahead. One batch more than that is asked for, so that the next one who is free need not wait. */
  #giveAll(): void {
    const takers = this.#context.takers();
    for (const { id } of takers) this.#clocks.enter(id);
    for (const member of takers) {
      if (this.#isBusy(member) || !this.#clocks.mayBegin(member.id)) continue;
      const ticket = this.#tickets.shift();
      if (ticket) this.#hand(ticket, member);
    }
    if (this.#exhausted || this.#asking || this.#tickets.length > takers.length) return;
    this.#asking = true;
    this.#context.act({ kind: 'want', item: this.spec.item });
  }

  #hand(ticket: ItemSpec, member: Member): void {
    const item = this.#context.nextItem();
    const batch = new Batch({ ...ticket, item }, leavesOf(ticket, this.#context));
    const assignments = new Assignments(batch.filled);
    const turn = {
      item,
      ticket,
      member,
      batch,
      assignments,
      seen: this.#applied,
      sinceMs: this.#context.now(),
    };
    this.#turns.set(item, turn);
    this.#computing.set(member, turn);
    const all = { lo: 0, hi: leavesOf(ticket, this.#context) };
    this.#context.say(member, { case: 'work', value: batch.work([all], this.#context.stateItem()) });
  }

  #computed(member: Member, { item, nodes, computeMs }: ComputedMessage): void {
    const turn = this.#computing.get(member);
    const ranges = nodes.map(({ range }) => ({ lo: range?.lo ?? 0, hi: range?.hi ?? 0 }));
    const known = turn && ranges.every(({ lo, hi }) => lo < hi && hi <= leavesOf(turn.ticket, this.#context));
    if (turn?.item !== item || !known) {
      this.#context.refuse(`sums of item ${item}, which the worker was not given`);
      return;
    }
    this.#computing.delete(member);
    recordTime(this.#context, turn.ticket, member, turn.ticket.samples, computeMs);
    if (!this.#turns.has(item)) return;
    nodes.forEach(({ values }, i) => {
      const node = ranges[i] as TreeNode;
      // Where a member pushes, its sums have arrived before it says that it has them.
      if (turn.assignments.covers(shardsIn(node))) return;
      if (values.length > 0 || member.address !== '') this.#fetches.begin(member, item, node, values);
    });
  }

  #arrived(item: number, node: TreeNode): void {
    const turn = this.#turns.get(item);
    if (!turn?.assignments.cover(node) || !turn.assignments.complete) return;
    this.#lost.delete(turn.ticket);
    for (const [other, { ticket }] of this.#turns) {
      if (ticket !== turn.ticket) continue;
      this.#turns.delete(other);
      this.#fetches.end(other);
    }
    this.#here.push(turn);
    if (this.#here.length === 1) this.#apply();
  }

  #apply(): void {
    const [turn] = this.#here;
    if (!turn) return;
    // Parameters are named by a number of their own: gradients may arrive in another order than that of their turns.
    this.#version = this.#context.nextItem();
    this.#context.act({
      kind: 'apply',
      item: turn.item,
      step: this.step,
      version: this.#version,
      staleness: this.#applied - turn.seen,
    });
  }

  #updated(item: number): void {
    const [turn] = this.#here;
    if (turn?.item !== item) return;
    this.#here.shift();
    this.#applied++;
    this.#context.advance(this.#version);
    this.#clocks.finished(turn.member.id);
    // Work names the new parameters, which are put up before the next update changes them.
    this.#giveAll();
    this.#apply();
  }
}
