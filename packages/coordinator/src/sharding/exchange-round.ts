import { type ComputedMessage, nodesOf, type Regrouped, type TreeNode, type Updated } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import { ownerSlices } from '../reduce/owners.ts';
import { handOut } from './apportion.ts';
import { Batch, paceKind, upcomingFor } from './batch.ts';
import type { ItemSpec } from './effects.ts';
import type { Round, RoundContext, RoundMessage } from './round.ts';
import { recordTime } from './stragglers.ts';

/** A member's part in the item. */
interface Part {
  readonly member: Member;
  /** What it has computed or is computing. */
  ranges: readonly TreeNode[];
  /** Whether it has applied the update. */
  updated: boolean;
  /** What it answered to the `Regroup` of the current term. */
  regrouped: boolean;
}

/**
 * A step with workers as owners:
 *
 * - `working`: sums are being computed, exchanged and applied;
 * - `regrouping`: somebody was lost; everybody has been asked to stop and to say where it is;
 * - `stranded`: nobody is left who holds the state before or after the item; the cluster must find one;
 * - `done`: everybody who is left has applied the update.
 *
 * Nobody overwrites the parameters before it has all reduced sums, and nobody drops its sums before everybody is done: so either
 * somebody has the sums that the others miss, or all still have the parameters and the missing shards can be computed.
 */
export class ExchangeRound implements Round {
  readonly spec: ItemSpec;
  upcoming?: ItemSpec;
  readonly #context: RoundContext;
  readonly #batch: Batch;
  readonly #parts = new Map<Member, Part>();
  #stage: 'working' | 'regrouping' | 'stranded' | 'done' = 'working';
  /** The update that was committed, and who applied it first. */
  #committed: { readonly updated: Updated; readonly name: string } | undefined;

  constructor(spec: ItemSpec, context: RoundContext) {
    this.spec = spec;
    this.#context = context;
    this.#batch = new Batch(spec, context.options.shards);
  }

  get step(): number {
    return this.spec.step;
  }

  get done(): boolean {
    return this.#stage === 'done';
  }

  get stranded(): boolean {
    return this.#stage === 'stranded';
  }

  get committed(): boolean {
    return this.#committed !== undefined;
  }

  concerns(item: number): boolean {
    return item === this.spec.item;
  }

  needs(member: Member): boolean {
    return this.#parts.has(member);
  }

  covers(): boolean {
    return this.#stage === 'done' || this.#committed !== undefined;
  }

  start(): void {
    const members = this.#context.takers();
    const ranges = this.#context.ranges(this.spec, members);
    members.forEach((member, i) => {
      const range = ranges[i] as TreeNode;
      const filled = this.#batch.samplesOf([range]) > 0;
      if (!filled) this.#context.pace.idle(paceKind(this.spec), member, members);
      this.#parts.set(member, { member, ranges: filled ? [range] : [], updated: false, regrouped: false });
    });
    this.#give(new Map([...this.#parts.values()].map(({ member, ranges: own }) => [member, own])));
  }

  received(member: Member, message: RoundMessage, term: number): void {
    const part = this.#parts.get(member);
    if (!part) this.#context.refuse(`${message.case} of somebody who does not take part`);
    else if (message.case === 'computed') this.#computed(part, message.value);
    else if (message.case === 'updated') this.#updated(part, message.value);
    else if (message.case === 'regrouped') this.#regrouped(part, message.value, term);
  }

  /** Sums do not come to the coordinator here. */
  told(): void {}

  /** Whoever comes takes part in the next item. */
  joined(): void {}

  /** Nobody can go on before everybody has updated, so a copy of a late one's shards would gain nothing. */
  tick(): void {}

  lost(member: Member): readonly number[] {
    const part = this.#parts.get(member);
    if (!part || this.#stage === 'done') return [];
    this.#parts.delete(member);
    if (this.#parts.size === 0) this.#stage = 'stranded';
    else if (!this.#settled()) this.#regroup();
    return this.#committed ? [] : shardsOf(part.ranges);
  }

  #computed({ member }: Part, { item, nodes, computeMs }: ComputedMessage): void {
    if (item !== this.spec.item) {
      this.#context.refuse(`sums of item ${item} at item ${this.spec.item}`);
      return;
    }
    const samples = this.#batch.samplesOf(nodes.map(({ range }) => ({ lo: range?.lo ?? 0, hi: range?.hi ?? 0 })));
    recordTime(this.#context, this.spec, member, samples, computeMs);
  }

  #updated(part: Part, updated: Updated): void {
    const { item } = this.spec;
    if (updated.item !== item || part.updated) {
      this.#context.refuse(`Updated of item ${updated.item} at item ${item}`);
      return;
    }
    const { member } = part;
    if (!this.#committed) {
      this.#committed = { updated, name: member.name };
      this.#context.act({ kind: 'committed', item, updated });
    } else if (this.#committed.updated.digest !== updated.digest) {
      this.#corrupt(member, updated.digest);
      return;
    }
    part.updated = true;
    member.holds = item;
    this.#settled();
  }

  /** The weights of two machines differ: one of them computes wrongly. The later one goes; it would have to take the state anew. */
  #corrupt(member: Member, digest: string): void {
    const { updated, name } = this.#committed as { updated: Updated; name: string };
    const step = this.spec.step + 1;
    const message = `After step ${step} the weights of worker ${member.name} (${digest}) are not those of ${name} (${updated.digest}): one of the two machines computes wrongly. ${member.name} is left out.`;
    this.#context.act({ kind: 'event', event: { type: 'warning', message, step } });
    this.#context.lose(member, 'its weights differ');
  }

  #settled(): boolean {
    if (![...this.#parts.values()].every(({ updated }) => updated)) return false;
    this.#stage = 'done';
    return true;
  }

  #regroup(): void {
    this.#stage = 'regrouping';
    for (const part of this.#parts.values()) {
      part.regrouped = false;
      this.#context.say(part.member, { case: 'regroup', value: {} });
    }
  }

  #regrouped(part: Part, { updatedItem, item, ranges }: Regrouped, term: number): void {
    if (this.#stage !== 'regrouping' || term !== this.#context.term()) {
      this.#context.refuse(`Regrouped of term ${term}`);
      return;
    }
    part.regrouped = true;
    part.updated = updatedItem === this.spec.item;
    part.ranges = item === this.spec.item ? ranges.map(({ lo, hi }) => ({ lo, hi })) : [];
    const parts = [...this.#parts.values()];
    if (!parts.every(({ regrouped }) => regrouped)) return;
    this.#stage = 'working';
    if (this.#settled()) return;
    const source = parts.find(({ updated }) => updated);
    if (source) this.#spread(source.member, parts);
    else this.#again(parts);
  }

  /** Somebody has applied the update, so it has all sums: the others take them from there. */
  #spread({ address }: Member, parts: readonly Part[]): void {
    const { item } = this.spec;
    for (const { member, updated } of parts) {
      if (!updated) this.#context.say(member, { case: 'adopt', value: { item, address, reducedOnly: true } });
    }
  }

  /** All hold the parameters before the item: what is computed is kept, what is missing given out, slices have new owners. */
  #again(parts: readonly Part[]): void {
    const filled = new Set(this.#batch.filled);
    const missing = new Set(filled);
    for (const part of parts) {
      // Two can only have the same shard where one was thought lost; the other one's sum is left out.
      part.ranges = part.ranges.filter((range) => shardsOf([range]).every((s) => missing.has(s) || !filled.has(s)));
      for (const shard of shardsOf(part.ranges)) missing.delete(shard);
    }
    const weights = this.#context.pace.weights(
      paceKind(this.spec),
      parts.map(({ member }) => member),
    );
    const shares = handOut(
      [...missing].sort((a, b) => a - b),
      weights,
    );
    const fresh = new Map(parts.map(({ member }, i) => [member, shares[i] as TreeNode[]]));
    for (const part of parts) part.ranges = [...part.ranges, ...(fresh.get(part.member) ?? [])];
    this.#give(fresh);
  }

  /**
   * Two with a node each: both take the other's and add up all of it. That is as many bytes as over owners of halves, which would take two ways
   * there and back instead of one.
   */
  get #isPair(): boolean {
    const parts = [...this.#parts.values()];
    const { shards } = this.#context.options;
    return parts.length === 2 && parts.every(({ ranges }) => nodesOf(ranges, this.spec.samples, shards).length === 1);
  }

  #give(fresh: ReadonlyMap<Member, readonly TreeNode[]>): void {
    const parts = [...this.#parts.values()];
    const shares = parts
      .filter(({ ranges }) => ranges.length > 0)
      .map(({ member: { id, address }, ranges }) => ({ member: id, address, ranges: [...ranges] }));
    const slices = ownerSlices(this.spec.resultLength, parts.length);
    const owners = parts.map(({ member: { id, address } }, i) => ({ member: id, address, slice: slices[i] }));
    const alone = { from: 0, to: this.spec.resultLength };
    parts.forEach(({ member }, i) => {
      const work = this.#batch.work(fresh.get(member) ?? [], this.#context.stateItem());
      const filled = this.#isPair
        ? [{ member: member.id, address: member.address, slice: alone }]
        : owners.flatMap(({ slice, ...owner }) => (slice && slice.from < slice.to ? [{ ...owner, slice }] : []));
      const ahead = upcomingFor(this.#context, this.upcoming, i);
      this.#context.say(member, { case: 'work', value: { ...work, ...ahead, shares, owners: filled } });
    });
  }
}

const shardsOf = (ranges: readonly TreeNode[]): number[] =>
  ranges.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));
