import type { Emit } from '../graph/op.ts';

/** Strides in elements of a contiguous tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (shape[i + 1] as number);
  return strides;
}

export const maxRank = 6;

interface Dimension {
  readonly size: number;
  readonly x: number;
  readonly out: number;
}

/** Joins neighbouring dimensions that are one on both sides, and leaves out those of size 1: the same copy in fewer, longer loops. */
export function mergeDimensions(dimensions: readonly Dimension[]): Dimension[] {
  const merged: Dimension[] = [];
  for (const inner of dimensions) {
    if (inner.size === 1) continue;
    const outer = merged.at(-1);
    if (outer && outer.x === inner.size * inner.x && outer.out === inner.size * inner.out) {
      merged[merged.length - 1] = { ...inner, size: outer.size * inner.size };
    } else {
      merged.push(inner);
    }
  }
  return merged;
}

/** out[index . outStrides] = x[index . xStrides] for every index of `shape`. */
export function emitStridedCopy(
  e: Emit,
  out: number,
  x: number,
  shape: readonly number[],
  xStrides: readonly number[],
  outStrides: readonly number[],
): void {
  const dimensions = mergeDimensions(
    shape.map((size, i) => ({ size, x: xStrides[i] as number, out: outStrides[i] as number })),
  );
  const padded = [...Array<Dimension>(maxRank - dimensions.length).fill({ size: 1, x: 0, out: 0 }), ...dimensions];
  e.kernel(
    'stridedCopy',
    out,
    x,
    ...padded.map(({ size }) => size),
    ...padded.map((dimension) => dimension.x),
    ...padded.map((dimension) => dimension.out),
  );
}
