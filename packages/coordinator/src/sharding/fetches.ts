import type { TreeNode } from '@lockstep/worker';
import type { Member } from '../membership/member.ts';
import type { RoundContext } from './round.ts';

interface Fetch {
  readonly member: Member;
  readonly item: number;
  readonly node: TreeNode;
  readonly values: Uint8Array;
  readonly sinceMs: number;
  /** When to try again, after a failure. */
  retryMs?: number;
}

/** Between two tries to fetch the same sum, in milliseconds. */
const fetchAgainMs = 200;

const nameOf = (member: number, item: number, { lo, hi }: TreeNode): string => `${member} ${item} ${lo}-${hi}`;

/** Sums that are being fetched, with who has them. */
export class Fetches {
  readonly #context: RoundContext;
  readonly #open = new Map<string, Fetch>();

  constructor(context: RoundContext) {
    this.#context = context;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Shards of nodes on their way. */
  get shards(): Set<number> {
    return new Set([...this.#open.values()].flatMap(({ node }) => shardsIn(node)));
  }

  isFrom(member: Member): boolean {
    return [...this.#open.values()].some((fetch) => fetch.member === member);
  }

  /** @param values of the sum, where it came with the message */
  begin(member: Member, item: number, node: TreeNode, values: Uint8Array): void {
    const name = nameOf(member.id, item, node);
    if (this.#open.has(name)) return;
    const fetch = { member, item, node, values, sinceMs: this.#context.now() };
    this.#open.set(name, fetch);
    this.#collect(fetch);
  }

  arrived(member: number, item: number, node: TreeNode): void {
    this.#open.delete(nameOf(member, item, node));
  }

  /** A member from whom nothing can be fetched for a lease's time is of no use; others compute what it has. */
  missed(member: number, item: number, node: TreeNode, reason: string): void {
    const fetch = this.#open.get(nameOf(member, item, node));
    if (!fetch) return;
    const nowMs = this.#context.now();
    if (nowMs - fetch.sinceMs < this.#context.options.leaseMs) fetch.retryMs = nowMs + fetchAgainMs;
    else this.#context.lose(fetch.member, `its sums cannot be fetched (${reason})`);
  }

  /** The member is gone, and with it what it had. */
  drop(member: Member): void {
    for (const [name, fetch] of this.#open) if (fetch.member === member) this.#open.delete(name);
  }

  /** Nothing of this item is wanted any more. */
  end(item: number): void {
    for (const [name, fetch] of this.#open) if (fetch.item === item) this.#open.delete(name);
  }

  tick(): void {
    for (const fetch of this.#open.values()) {
      if (fetch.retryMs !== undefined && fetch.retryMs <= this.#context.now()) this.#collect(fetch);
    }
  }

  #collect(fetch: Fetch): void {
    delete fetch.retryMs;
    const { member, item, node, values } = fetch;
    const inline = values.length > 0 ? { values } : {};
    this.#context.act({ kind: 'collect', member: member.id, address: member.address, item, node, ...inline });
  }
}

export const shardsIn = ({ lo, hi }: TreeNode): number[] => Array.from({ length: hi - lo }, (_, i) => lo + i);
