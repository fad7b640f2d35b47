import type { Member } from './member.ts';

/** Weight of the newest measurement: a worker that becomes slow is known after about three items, one hiccup is forgotten as soon. */
const newest = 0.35;

/**
 * How far the measurement of who is given nothing moves towards the others' with each item: it cannot be measured again otherwise. After one hiccup of 40 times
 * the usual it has a shard of 8 again after some tens of items.
 */
const faded = 0.02;

/** Speeds, measured: time of a worker's shards without any waiting. Training phases and evaluations are measured apart. */
export class Pace {
  /** Milliseconds per sample, by kind and member. */
  readonly #measured = new Map<string, Map<number, number>>();
  #lastKind = '';

  record(kind: string, member: Member, samples: number, computeMs: number): void {
    if (samples === 0 || !(computeMs > 0)) return;
    const measured = this.#of(kind);
    const now = computeMs / samples;
    const before = measured.get(member.id);
    measured.set(member.id, before === undefined ? now : before + (now - before) * newest);
    this.#lastKind = kind;
  }

  /** A member is given nothing of an item. */
  idle(kind: string, member: Member, members: readonly Member[]): void {
    const before = this.#of(kind).get(member.id);
    const others = this.#guess(kind, member, members);
    if (before === undefined || others === undefined || before <= others) return;
    this.#of(kind).set(member.id, before + (others - before) * faded);
  }

  /** How long a member should take; by the speed of others' threads where it was never measured, undefined where none was. */
  expectedMs(kind: string, member: Member, samples: number, members: readonly Member[]): number | undefined {
    const own = this.#of(kind).get(member.id) ?? this.#guess(kind, member, members);
    return own === undefined ? undefined : own * samples;
  }

  /** Relative speeds, in the order of `members`, for apportioning. */
  weights(kind: string, members: readonly Member[]): number[] {
    const known = this.#of(kind).size > 0 ? kind : this.#lastKind;
    return members.map((member) => {
      const ms = this.#of(known).get(member.id) ?? this.#guess(known, member, members);
      return ms === undefined ? member.threads : 1 / ms;
    });
  }

  forget(member: Member): void {
    for (const measured of this.#measured.values()) measured.delete(member.id);
  }

  #guess(kind: string, { threads, id }: Member, members: readonly Member[]): number | undefined {
    const measured = this.#of(kind);
    const others = members.filter((other) => other.id !== id && measured.has(other.id));
    if (others.length === 0) return undefined;
    const perThread = others.map((other) => (measured.get(other.id) as number) * other.threads);
    return perThread.reduce((sum, ms) => sum + ms, 0) / perThread.length / threads;
  }

  #of(kind: string): Map<number, number> {
    const known = this.#measured.get(kind);
    if (known) return known;
    const fresh = new Map<number, number>();
    this.#measured.set(kind, fresh);
    return fresh;
  }
}
