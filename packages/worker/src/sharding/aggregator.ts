import { shardsOf } from './shards.ts';
import { children, type TreeNode } from './tree.ts';

/** How sums are joined: `into` takes `into + from`, element by element, in f32 (or rounded as the run's `reduce` says). */
export type Add = (into: Float32Array, from: Float32Array) => void;

/** Left + right in f32. */
export const addF32: Add = (into, from) => {
  for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (from[i] as number);
};

/**
 * - `added`: the node is new;
 * - `repeated`: it was here, or lies within one that is, and where it can be compared its bytes are the same;
 * - `different`: the same node was here with other bytes: a machine computes wrongly.
 */
export type Arrival = 'added' | 'repeated' | 'different';

/**
 * Adds up the nodes of one item by the canonical tree as they arrive, in any order: two siblings become their parent at once. A
 * shard without samples counts as here, and leaves its sibling as it is.
 */
export class Aggregator {
  readonly #whole: TreeNode;
  readonly #add: Add;
  readonly #parents = new Map<string, TreeNode>();
  readonly #present: Uint8Array;
  /** Sums by node; none lies within another. Null: a node without samples. */
  readonly #sums = new Map<string, Float32Array | null>();
  /** Content of the nodes as they arrived. */
  readonly #arrived = new Map<string, string>();

  /** @param samples of the whole batch, by which it is known which shards have none */
  constructor(shards: number, samples: number, add: Add = addF32) {
    this.#whole = { lo: 0, hi: shards };
    this.#add = add;
    this.#present = new Uint8Array(shards);
    this.#link(this.#whole);
    shardsOf(samples, shards).forEach(({ from, to }, lo) => {
      if (from === to) this.#put({ lo, hi: lo + 1 }, null);
    });
  }

  /**
   * Takes the vector over: it is changed by the sums that follow.
   *
   * @param content the same exactly for the same bytes: the checksums under which they came
   */
  add(node: TreeNode, values: Float32Array, content: string): Arrival {
    const before = this.#arrived.get(key(node));
    if (before !== undefined) return before === content ? 'repeated' : 'different';
    if (this.#covers(node)) return 'repeated';
    this.#arrived.set(key(node), content);
    this.#dropWithin(node);
    this.#put(node, values);
    return 'added';
  }

  /** The sum over all shards; undefined while some are missing. */
  get root(): Float32Array | undefined {
    return this.#sums.get(key(this.#whole)) ?? undefined;
  }

  #put(node: TreeNode, values: Float32Array | null): void {
    this.#sums.set(key(node), values);
    this.#present.fill(1, node.lo, node.hi);
    const parent = this.#parents.get(key(node));
    if (!parent) return;
    const [left, right] = children(parent);
    const a = this.#sums.get(key(left));
    const b = this.#sums.get(key(right));
    if (a === undefined || b === undefined) return;
    if (a && b) this.#add(a, b);
    this.#sums.delete(key(left));
    this.#sums.delete(key(right));
    this.#put(parent, a ?? b);
  }

  #covers({ lo, hi }: TreeNode): boolean {
    return this.#present.subarray(lo, hi).every((here) => here === 1);
  }

  #dropWithin({ lo, hi }: TreeNode): void {
    for (const name of this.#sums.keys()) {
      const [from = 0, to = 0] = name.split('-').map(Number);
      if (from >= lo && to <= hi) this.#sums.delete(name);
    }
  }

  #link(node: TreeNode): void {
    if (node.hi - node.lo === 1) return;
    for (const child of children(node)) {
      this.#parents.set(key(child), node);
      this.#link(child);
    }
  }
}

const key = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;
