import { apportion, type Shard, samplesOf, shardsOf } from './shards.ts';
import { planThread, type WorkItem } from './thread-work.ts';
import { foldTree, maximalSubtrees, type TreeNode } from './tree.ts';

/** A result vector: which thread's, and which of its. */
export interface BufferId {
  readonly thread: number;
  readonly index: number;
}

/** How a batch of one size is computed by all threads: plain data, so that it can be tested on plain arrays. */
export interface WorkPlan {
  readonly batch: number;
  readonly threads: readonly { readonly items: readonly WorkItem[]; readonly buffers: number }[];
  /** `into` += `from`, in this order, yields the nodes. */
  readonly fold: readonly { readonly into: BufferId; readonly from: BufferId }[];
  /** What is handed over: the maximal sub-trees of each range that have samples; of a whole batch its root alone. */
  readonly nodes: readonly WorkNode[];
  /** Threads without a shard. */
  readonly idle: number;
}

/** A node of the tree, and the buffer that holds it in the end. */
export interface WorkNode extends TreeNode {
  readonly buffer: BufferId;
}

export interface WorkOptions {
  /** Samples of this batch. */
  readonly batch: number;
  readonly shards: number;
  readonly threads: number;
  /** Disjoint ranges of shards, in order; default: all. */
  readonly ranges?: readonly TreeNode[];
  /** Whether these shards may go through the kernels as one batch (memory; never a matter of bits). */
  readonly mayMerge: (segments: readonly number[]) => boolean;
  /** Every shard's result is a leaf by itself before it is added, for sums that are more than additions (rounded ones). */
  readonly apart?: boolean;
}

export function planWork({ batch, shards, threads, mayMerge, ranges, apart = false }: WorkOptions): WorkPlan {
  const all = shardsOf(batch, shards);
  const whole: TreeNode = { lo: 0, hi: shards };
  const wanted = ranges ?? [whole];
  const handedOver = new Map<string, BufferId>();
  const plans = spread(wanted, threads).map((parts, thread) => {
    const roots = parts.flatMap(({ lo, hi }) => presentSubtrees(whole, all, lo, hi));
    roots.forEach((node, index) => {
      handedOver.set(key(node), { thread, index });
    });
    return planThread({ all, roots, mayMerge, apart });
  });
  const fold: { into: BufferId; from: BufferId }[] = [];
  const nodes = wanted.flatMap(({ lo, hi }) =>
    presentSubtrees(whole, all, lo, hi).map((node) => {
      const buffer = foldTree<BufferId>(
        node,
        (part) => handedOver.get(key(part)) ?? (part.hi - part.lo === 1 ? null : undefined),
        (into, from) => {
          fold.push({ into, from });
          return into;
        },
      );
      return { ...node, buffer: buffer as BufferId };
    }),
  );
  return { batch, threads: plans, fold, nodes, idle: plans.filter(({ items }) => items.length === 0).length };
}

/** What each thread takes of the ranges: neighbours, as evenly as whole shards allow. */
function spread(ranges: readonly TreeNode[], threads: number): TreeNode[][] {
  const shards = ranges.reduce((n, { lo, hi }) => n + hi - lo, 0);
  return apportion(shards, threads).map(({ from, to }) => {
    let before = 0;
    return ranges.flatMap(({ lo, hi }) => {
      const part = { lo: lo + Math.max(0, from - before), hi: Math.min(hi, lo + to - before) };
      before += hi - lo;
      return part.lo < part.hi ? [part] : [];
    });
  });
}

const presentSubtrees = (whole: TreeNode, all: readonly Shard[], lo: number, hi: number): TreeNode[] =>
  maximalSubtrees(whole, lo, hi).filter((node) => samplesOf(all, node) > 0);

const key = ({ lo, hi }: TreeNode): string => `${lo}-${hi}`;
