import type { LayoutEntry } from '@lockstep/core/internal';

/** What a compressor needs to know of the vector: matrices are entries with two dimensions or more. */
export interface VectorLayout {
  readonly entries: readonly LayoutEntry[];
  readonly length: number;
}
