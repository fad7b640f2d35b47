import type { JobSpec } from '@lockstep/core/internal';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import { shardsOf } from '../sharding/shards.ts';
import type { TreeNode } from '../sharding/tree.ts';

/** Rows of the whole batch that these shards are. */
export const rowsOf = (ranges: readonly TreeNode[], samples: number, shards: number): number[] => {
  const all = shardsOf(samples, shards);
  return ranges.flatMap(({ lo, hi }) => {
    const [from, to] = [all[lo]?.from ?? 0, all[hi - 1]?.to ?? 0];
    return Array.from({ length: to - from }, (_, i) => from + i);
  });
};

/** `Work.indices` are those of all its ranges; these may be a part of them. */
export function indicesOf(work: Work, ranges: readonly TreeNode[], { batch }: JobSpec): number[] {
  if (work.indices.length === 0) return [];
  const index = new Map(
    rowsOf(work.ranges, work.samples, batch.shards).map((row, i) => [row, work.indices[i] as number]),
  );
  return rowsOf(ranges, work.samples, batch.shards).map((row) => index.get(row) as number);
}
