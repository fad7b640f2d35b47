import { blockElements } from '@lockstep/core/internal';

export interface Slice {
  readonly from: number;
  readonly to: number;
}

/** The slice of a flat vector that a thread owns: whole blocks, spread evenly. */
export function sliceOf(length: number, thread: number, threads: number): Slice {
  const blocks = Math.ceil(length / blockElements);
  const at = (t: number) => Math.min(length, Math.floor((t * blocks) / threads) * blockElements);
  return { from: at(thread), to: at(thread + 1) };
}

export const blocksIn = (elements: number): number => Math.max(1, Math.ceil(elements / blockElements));

/** The blocks of a slice. */
export function* blocksOf({ from, to }: Slice): Generator<Slice> {
  for (let at = from; at < to; at += blockElements) yield { from: at, to: Math.min(to, at + blockElements) };
}
