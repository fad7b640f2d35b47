import type { JobSpec, TapeWriter } from '@lockstep/core/internal';
import type { Slice } from './block-slices.ts';

/** How sums are kept: as they are, or rounded to bfloat16 at every leaf and node of the tree, so that half the bytes travel. Part of a run's identity. */
export type Reduction = 'f32' | 'bf16';

/** Leading elements of a result vector that are rounded: the parameters' gradients. Sums of buffers and statistics never are. */
export const roundedElements = ({ layout }: Pick<JobSpec, 'layout'>, reduce: Reduction): number =>
  reduce === 'bf16' ? layout.trained : 0;

/** A leaf of the tree is done. */
export function writeRounding(tape: TapeWriter, vector: number, { from, to }: Slice, rounded: number): void {
  const count = Math.min(to, rounded) - from;
  if (count > 0) tape.kernel('roundBf16', vector + from * 4, vector + from * 4, count);
}

/** A node of the tree: elements `from` to `to` of one result vector are added to those of another. */
export function writeSum(tape: TapeWriter, into: number, part: number, { from, to }: Slice, rounded: number): void {
  const split = Math.min(to, Math.max(from, rounded));
  const add = (kernel: 'addInto' | 'addIntoBf16', first: number, last: number) => {
    if (first < last) tape.kernel(kernel, into + first * 4, into + first * 4, part + first * 4, last - first);
  };
  add('addIntoBf16', from, split);
  add('addInto', split, to);
}
