import { maximalSubtrees, type TreeNode } from '@lockstep/worker';

/** Speeds that differ by less are taken for equal: measurements jitter, and even ranges are few nodes. */
const equalWithin = 1.25;

/**
 * Contiguous ranges of shards for workers of these relative speeds, in their order: as soon done as whole shards allow, and of all
 * such ways one with the fewest nodes of the tree, since every node's sum travels. A worker may get an empty range.
 */
export function apportion(shards: number, speeds: readonly number[]): TreeNode[] {
  const weights = evened(speeds);
  const caps = mostShards(shards, weights);
  // best[i][at]: the fewest nodes with which workers i and later can take the shards from `at` on.
  const best = Array.from({ length: weights.length + 1 }, () =>
    new Array<number>(shards + 1).fill(Number.POSITIVE_INFINITY),
  );
  const next = weights.map(() => new Array<number>(shards + 1).fill(0));
  (best[weights.length] as number[])[shards] = 0;
  for (let i = weights.length - 1; i >= 0; i--) {
    for (let at = shards; at >= 0; at--) {
      for (let to = Math.min(shards, at + (caps[i] as number)); to >= at; to--) {
        const nodes = nodesOf(shards, at, to) + (best[i + 1]?.[to] as number);
        if (nodes >= (best[i]?.[at] as number)) continue;
        (best[i] as number[])[at] = nodes;
        (next[i] as number[])[at] = to;
      }
    }
  }
  let lo = 0;
  return next.map((ends) => {
    const range = { lo, hi: ends[lo] as number };
    lo = range.hi;
    return range;
  });
}

/** Time until the slowest is done, in units of a shard at speed 1. */
export function makespan(ranges: readonly TreeNode[], speeds: readonly number[]): number {
  return Math.max(...ranges.map(({ lo, hi }, i) => (hi - lo) / (speeds[i] as number)));
}

function evened(speeds: readonly number[]): readonly number[] {
  return Math.max(...speeds) <= Math.min(...speeds) * equalWithin ? speeds.map(() => 1) : speeds;
}

/** How many shards each worker may have at most without anybody being later than in the fastest way. */
function mostShards(shards: number, weights: readonly number[]): number[] {
  const counts = weights.map(() => 0);
  let latest = 0;
  for (let given = 0; given < shards; given++) {
    let at = 0;
    for (let i = 1; i < weights.length; i++) {
      if (timeOf(counts, weights, i) < timeOf(counts, weights, at)) at = i;
    }
    latest = Math.max(latest, timeOf(counts, weights, at));
    counts[at] = (counts[at] as number) + 1;
  }
  // Against rounding: a count that is just reached must not be lost.
  return weights.map((weight) => Math.floor(latest * weight * (1 + 1e-9)));
}

const timeOf = (counts: readonly number[], weights: readonly number[], i: number): number =>
  ((counts[i] as number) + 1) / (weights[i] as number);

const counted = new Map<number, Map<number, number>>();

function nodesOf(shards: number, lo: number, hi: number): number {
  const known = counted.get(shards) ?? new Map<number, number>();
  counted.set(shards, known);
  const at = lo * (shards + 1) + hi;
  const before = known.get(at);
  if (before !== undefined) return before;
  const nodes = lo === hi ? 0 : maximalSubtrees({ lo: 0, hi: shards }, lo, hi).length;
  known.set(at, nodes);
  return nodes;
}

/** Spreads any shards, ascending, over workers: consecutive ones stay together. */
export function handOut(shards: readonly number[], speeds: readonly number[]): TreeNode[][] {
  return apportion(shards.length, speeds).map(({ lo, hi }) => runsOf(shards.slice(lo, hi)));
}

/** Ascending shards as ranges. */
export function runsOf(shards: readonly number[]): TreeNode[] {
  const ranges: { lo: number; hi: number }[] = [];
  for (const shard of shards) {
    const last = ranges.at(-1);
    if (last && last.hi === shard) last.hi++;
    else ranges.push({ lo: shard, hi: shard + 1 });
  }
  return ranges;
}
