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
}

export function planWork({ batch, shards, threads, mayMerge, ranges }: WorkOptions): WorkPlan {
  const all = shardsOf(batch, shards);
  const whole: TreeNode = { lo: 0, hi: shards };
  const wanted = ranges ?? [whole];
  const handedOver = new Map<string, BufferId>();
  const plans = spread(wanted, threads).map((parts, thread) => {
    const roots = parts.flatMap(({ lo, hi }) => presentSubtrees(whole, all, lo, hi));
    roots.forEach((node, index) => {
      handedOver.set(key(node), { thread, index });
    });
    return planThread(all, roots, mayMerge);
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
  for (const { first, nodes } of neighbours(roots)) {
    const together = all.slice(nodes[0]?.lo, nodes.at(-1)?.hi);
    const segments = together.map(({ from, to }) => to - from);
    if (nodes.length > 1 && segments.every((samples) => samples > 0) && mayMerge(segments)) {
      // All of these shards at once; only their results are kept apart by sub-tree.
      items.push({
        kind: 'run',
        segments,
        position: (together[0] as Shard).from,
        groups: nodes.map(({ lo, hi }) => hi - lo),
        buffers: nodes.map((_, index) => first + index),
      });
    } else {
      nodes.forEach((node, index) => {
        visit(node, first + index, 0);
      });
    }
  }
  return { items, buffers: roots.length + deepest };
}

/** Sub-trees that lie side by side, with the number of the first. */
function neighbours(roots: readonly TreeNode[]): { first: number; nodes: TreeNode[] }[] {
  const groups: { first: number; nodes: TreeNode[] }[] = [];
  roots.forEach((node, index) => {
    const last = groups.at(-1);
    if (last?.nodes.at(-1)?.hi === node.lo) last.nodes.push(node);
    else groups.push({ first: index, nodes: [node] });
  });
  return groups;
}
