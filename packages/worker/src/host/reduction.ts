import { type JobSpec, roundBf16 } from '@lockstep/core/internal';
import type { VectorFormat } from '../exchange/vector-format.ts';
import { type Reduction, roundedElements } from '../memory/rounding.ts';
import { shardsOf } from '../sharding/shards.ts';
import { maximalSubtrees, type TreeNode } from '../sharding/tree.ts';

/** How sums travel: of bfloat16 the gradients of parameters, which are rounded already; never buffers or statistics. */
export const formatOf = (reduce: Reduction, { layout }: Pick<JobSpec, 'layout'>): VectorFormat => ({
  rounded: roundedElements({ layout }, reduce),
});

/** The nodes that whoever computes these ranges has: maximal sub-trees of each, without those that have no samples. */
export function nodesOf(ranges: readonly TreeNode[], samples: number, shards: number): TreeNode[] {
  const all = shardsOf(samples, shards);
  return ranges
    .flatMap(({ lo, hi }) => maximalSubtrees({ lo: 0, hi: shards }, lo, hi))
    .filter(({ lo, hi }) => (all[hi - 1]?.to ?? 0) > (all[lo]?.from ?? 0));
}

/** Left + right of gradient sums, for elements that begin at `from` of a result vector. */
export function adder(
  reduce: Reduction,
  { layout }: Pick<JobSpec, 'layout'>,
  from: number,
): (into: Float32Array, other: Float32Array) => void {
  const rounded = Math.max(0, roundedElements({ layout }, reduce) - from);
  return (into, other) => {
    for (let i = 0; i < into.length; i++) into[i] = (into[i] as number) + (other[i] as number);
    if (rounded > 0) roundBf16(into.subarray(0, rounded));
  };
}
