import { type Shard, samplesOf } from './shards.ts';
import { children, foldTree, type TreeNode } from './tree.ts';

/** What a thread does with one batch, in order: runs of shards, and tree nodes over their results. */
export type WorkItem =
  | {
      readonly kind: 'run';
      readonly segments: readonly number[];
      readonly position: number;
      /** Consecutive shards of one result each, and the results' buffers. */
      readonly groups: readonly number[];
      readonly buffers: readonly number[];
    }
  | { readonly kind: 'add'; readonly into: number; readonly from: number };

export interface ThreadWorkOptions {
  /** Of the whole batch. */
  readonly all: readonly Shard[];
  /** Nodes that the thread hands over, in order. */
  readonly roots: readonly TreeNode[];
  readonly mayMerge: (segments: readonly number[]) => boolean;
  readonly apart: boolean;
}

/** What a thread does for its nodes. Its first buffers are the nodes', in order; those behind hold parts while they wait. */
export function planThread(options: ThreadWorkOptions): { items: WorkItem[]; buffers: number } {
  return new ThreadPlanner(options).plan();
}

/** A node, and the buffer that its sum is wanted in. */
interface Wanted {
  readonly node: TreeNode;
  readonly buffer: number;
}

class ThreadPlanner {
  readonly #options: ThreadWorkOptions;
  readonly #items: WorkItem[] = [];
  #buffers: number;

  constructor(options: ThreadWorkOptions) {
    this.#options = options;
    this.#buffers = options.roots.length;
  }

  plan(): { items: WorkItem[]; buffers: number } {
    for (const group of neighbours(this.#options.roots)) {
      if (group.length > 1 && this.#mayMerge(group)) this.#merge(group, 0);
      else for (const wanted of group) this.#visit(wanted, 0);
    }
    return { items: this.#items, buffers: this.#buffers };
  }

  #visit(wanted: Wanted, waiting: number): void {
    const { node, buffer } = wanted;
    const { all } = this.#options;
    if (node.hi - node.lo === 1 || this.#mayMerge([wanted])) {
      this.#merge([wanted], waiting);
      return;
    }
    const [left, right] = children(node).filter((child) => samplesOf(all, child) > 0) as [
      TreeNode,
      TreeNode | undefined,
    ];
    this.#visit({ node: left, buffer }, waiting);
    if (!right) return;
    const from = this.#waiting(waiting);
    this.#visit({ node: right, buffer: from }, waiting + 1);
    this.#items.push({ kind: 'add', into: buffer, from });
  }

  /** With an absent shard the tree is not that of the present ones, so such nodes are never one run. */
  #mayMerge(group: readonly Wanted[]): boolean {
    const segments = this.#segments(group);
    return segments.every((samples) => samples > 0) && this.#options.mayMerge(segments);
  }

  /** Neighbours at once; only their results are kept apart. */
  #merge(group: readonly Wanted[], waiting: number): void {
    const leaves = group.flatMap((wanted) => this.#leavesOf(wanted));
    let used = waiting;
    const wantedLeaves = leaves.map(({ node, buffer }) => ({ node, buffer: buffer ?? this.#waiting(used++) }));
    this.#items.push({
      kind: 'run',
      segments: this.#segments(group),
      position: (this.#options.all[(group[0] as Wanted).node.lo] as Shard).from,
      groups: leaves.map(({ node }) => node.hi - node.lo),
      buffers: wantedLeaves.map(({ buffer }) => buffer),
    });
    if (!this.#options.apart) return;
    const at = new Map(wantedLeaves.map(({ node, buffer }) => [node.lo, buffer]));
    for (const { node } of group) {
      foldTree<number>(
        node,
        ({ lo, hi }) => (hi - lo === 1 ? at.get(lo) : undefined),
        (into, from) => {
          this.#items.push({ kind: 'add', into, from });
          return into;
        },
      );
    }
  }

  /** Results of a run for a node: one, or one for each of its shards, the first of which is where the sum is wanted. */
  #leavesOf({ node, buffer }: Wanted): { node: TreeNode; buffer: number | undefined }[] {
    if (!this.#options.apart) return [{ node, buffer }];
    return Array.from({ length: node.hi - node.lo }, (_, i) => ({
      node: { lo: node.lo + i, hi: node.lo + i + 1 },
      buffer: i === 0 ? buffer : undefined,
    }));
  }

  #waiting(place: number): number {
    const buffer = this.#options.roots.length + place;
    this.#buffers = Math.max(this.#buffers, buffer + 1);
    return buffer;
  }

  #segments(group: readonly Wanted[]): number[] {
    return this.#options.all.slice(group[0]?.node.lo, group.at(-1)?.node.hi).map(({ from, to }) => to - from);
  }
}

/** Nodes that lie side by side, with their buffers. */
function neighbours(roots: readonly TreeNode[]): Wanted[][] {
  const groups: Wanted[][] = [];
  roots.forEach((node, buffer) => {
    const last = groups.at(-1);
    if (last?.at(-1)?.node.hi === node.lo) last.push({ node, buffer });
    else groups.push([{ node, buffer }]);
  });
  return groups;
}
