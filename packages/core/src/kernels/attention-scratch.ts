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

export function attentionScratchBytes({ keys, depth, width }: AttentionSizes): number {
  const panels = 16 * (depth + up(width, 4) + up(keys, 4));
  return 4 * (statistics + panels + up(keys, 4) * depth + up(width, 4) * keys);
}

export function attentionGradScratchBytes({ keys, depth, width }: AttentionSizes): number {
  const [keyRows, depthRows, paddedDepth, paddedWidth] = [up(keys, 4), up(depth, 4), up(depth, 16), up(width, 16)];
  const panels = 16 * (depth + depthRows + width + paddedDepth + paddedWidth + 2 * keyRows);
  const whole = keyRows * (depth + width + paddedDepth + paddedWidth) + depthRows * keys;
  return 4 * (statistics + panels + whole);
}
