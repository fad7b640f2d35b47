import type { TreeNode } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';

interface Assignment {
  readonly member: Member;
  /** Shards it was given and has not finished. */
  readonly open: Set<number>;
  /** When it was given the last ones, or had last finished some. */
  sinceMs: number;
  samples: number;
}

/** Who computes which shards of an item, and which shards' sums have arrived. */
export class Assignments {
  readonly #by = new Map<number, Assignment>();
  readonly #missing: Set<number>;

  constructor(shards: readonly number[]) {
    this.#missing = new Set(shards);
  }

  /** Shards that no sum covers. */
  get missing(): readonly number[] {
    return [...this.#missing].sort((a, b) => a - b);
  }

  get complete(): boolean {
    return this.#missing.size === 0;
  }

  /** False where everything in it was covered before. */
  cover({ lo, hi }: TreeNode): boolean {
    let fresh = false;
    for (let s = lo; s < hi; s++) fresh = this.#missing.delete(s) || fresh;
    return fresh;
  }

  covers(shards: readonly number[]): boolean {
    return shards.every((s) => !this.#missing.has(s));
  }

  give(member: Member, ranges: readonly TreeNode[], samples: number, nowMs: number): void {
    const known = this.#by.get(member.id) ?? { member, open: new Set(), sinceMs: nowMs, samples: 0 };
    this.#by.set(member.id, known);
    if (known.open.size === 0) known.samples = 0;
    known.samples += samples;
    known.sinceMs = nowMs;
    for (const { lo, hi } of ranges) for (let s = lo; s < hi; s++) known.open.add(s);
  }

  /** The member has said that it computed these. */
  finished(member: Member, nodes: readonly TreeNode[]): void {
    const open = this.#by.get(member.id)?.open;
    for (const { lo, hi } of nodes) for (let s = lo; s < hi; s++) open?.delete(s);
  }

  take(member: Member): void {
    this.#by.delete(member.id);
  }

  /** Members with shards that they have not finished and that no sum covers. */
  get busy(): readonly Assignment[] {
    return [...this.#by.values()].filter(({ open }) => [...open].some((s) => this.#missing.has(s)));
  }

  /** Members with shards that they have not finished, wherever the sums have come from. */
  get unfinished(): readonly Assignment[] {
    return [...this.#by.values()].filter(({ open }) => open.size > 0);
  }

  isBusy(member: Member): boolean {
    return (this.#by.get(member.id)?.open.size ?? 0) > 0;
  }

  /** Shards that are neither covered nor being computed by anybody, nor wait to be fetched. */
  orphans(inFlight: (shard: number) => boolean): number[] {
    const open = new Set([...this.#by.values()].flatMap((assignment) => [...assignment.open]));
    return this.missing.filter((s) => !open.has(s) && !inFlight(s));
  }

  /** How many compute a shard. */
  copies(shard: number): number {
    return [...this.#by.values()].filter(({ open }) => open.has(shard)).length;
  }
}
