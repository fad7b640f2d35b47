/** What the attention kernels work in, as they lay it out (kernels/attention.ts, attention-gradient.ts). */
export interface AttentionSizes {
  readonly keys: number;
  /** Of a query and a key. */
  readonly depth: number;
  /** Of a value. */
  readonly width: number;
}

const up = (n: number, to: number): number => Math.ceil(n / to) * to;
/** Two rows of statistics. */
const statistics = 2 * 16;
/** One that is not all there. */
const tile = 4 * 16;
/** Queries whose strips the gradient keeps. */
const group = 64;

export function attentionScratchBytes(sizes: AttentionSizes): number {
  const [keys, depth, width] = [up(sizes.keys, 4), up(sizes.depth, 16), up(sizes.width, 16)];
  return 4 * (statistics + tile + 16 * (2 * depth + keys) + keys * (depth + width));
}

export function attentionGradScratchBytes(sizes: AttentionSizes): number {
  const [keys, depth, width] = [up(sizes.keys, 4), up(sizes.depth, 16), up(sizes.width, 16)];
  const panel = 16 * Math.max(depth, width);
  return 4 * (statistics + panel + tile + group * (depth + width + 2 * keys) + 2 * keys * (depth + width));
}
