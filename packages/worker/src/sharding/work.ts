import { apportion, type Shard, shardsOf } from './shards.ts';
import { children, foldTree, maximalSubtrees, type TreeNode } from './tree.ts';

/** A result vector: which thread's, and which of its. */
export interface BufferId {
  readonly thread: number;
  readonly index: number;
}

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

/** How a batch of one size is computed by all threads: plain data, so that it can be tested on plain arrays. */
export interface WorkPlan {
  readonly batch: number;
  readonly threads: readonly { readonly items: readonly WorkItem[]; readonly buffers: number }[];
  /** `into` += `from`, in this order, yields the root of the tree in buffer `root`. */
  readonly fold: readonly { readonly into: BufferId; readonly from: BufferId }[];
  readonly root: BufferId;
  /** Threads without a shard. */
  readonly idle: number;
}

export interface WorkOptions {
  /** Samples of this batch. */
  readonly batch: number;
  readonly shards: number;
  readonly threads: number;
  /** Whether these shards may go through the kernels as one batch (memory; never a matter of bits). */
  readonly mayMerge: (segments: readonly number[]) => boolean;
}

export function planWork({ batch, shards, threads, mayMerge }: WorkOptions): WorkPlan {
  const all = shardsOf(batch, shards);
  const whole: TreeNode = { lo: 0, hi: shards };
  const handedOver = new Map<string, BufferId>();
  const plans = apportion(shards, threads).map(({ from, to }, thread) => {
    const roots = maximalSubtrees(whole, from, to).filter((node) => samplesOf(all, node) > 0);
    roots.forEach((node, index) => {
      handedOver.set(key(node), { thread, index });
    });
    return planThread(all, roots, mayMerge);
  });
  const fold: { into: BufferId; from: BufferId }[] = [];
  const root = foldTree<BufferId>(
    whole,
    (node) => handedOver.get(key(node)) ?? (node.hi - node.lo === 1 ? null : undefined),
    (into, from) => {
      fold.push({ into, from });
      return into;
    },
  );
  if (!root) throw new Error('a batch without samples');
  return { batch, threads: plans, fold, root, idle: plans.filter(({ items }) => items.length === 0).length };
}

const key = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;

function samplesOf(all: readonly Shard[], { lo, hi }: TreeNode): number {
  return (all[hi - 1] as Shard).to - (all[lo] as Shard).from;
}

function planThread(
  all: readonly Shard[],
  roots: readonly TreeNode[],
  mayMerge: WorkOptions['mayMerge'],
): { items: WorkItem[]; buffers: number } {
  const items: WorkItem[] = [];
  let deepest = 0;
  const visit = (node: TreeNode, buffer: number, depth: number): void => {
    const part = all.slice(node.lo, node.hi);
    const segments = part.map(({ from, to }) => to - from);
    // With an absent shard the tree is not that of the present ones, so such a node is never one run.
    const single = node.hi - node.lo === 1;
    if (single || (segments.every((samples) => samples > 0) && mayMerge(segments))) {
      items.push({
        kind: 'run',
        segments,
        position: (part[0] as Shard).from,
        groups: [segments.length],
        buffers: [buffer],
      });
      return;
    }
    const [left, right] = children(node).filter((child) => samplesOf(all, child) > 0) as [
      TreeNode,
      TreeNode | undefined,
    ];
    visit(left, buffer, depth);
    if (!right) return;
    // Places after the roots hold right-hand sides while they wait, one for each level.
    const waiting = roots.length + depth;
    deepest = Math.max(deepest, depth + 1);
    visit(right, waiting, depth + 1);
    items.push({ kind: 'add', into: buffer, from: waiting });
  };
  const together = all.slice(roots[0]?.lo ?? 0, roots.at(-1)?.hi ?? 0);
  const segments = together.map(({ from, to }) => to - from);
  if (roots.length > 1 && segments.every((samples) => samples > 0) && mayMerge(segments)) {
    // All of the thread's shards at once; only their results are kept apart by sub-tree.
    items.push({
      kind: 'run',
      segments,
      position: (together[0] as Shard).from,
      groups: roots.map(({ lo, hi }) => hi - lo),
      buffers: roots.map((_, index) => index),
    });
  } else {
    roots.forEach((node, index) => {
      visit(node, index, 0);
    });
  }
  return { items, buffers: roots.length + deepest };
}
