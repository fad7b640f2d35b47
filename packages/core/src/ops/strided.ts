import type { Emit } from '../graph/op.ts';

/** Strides in elements of a contiguous tensor. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = (strides[i + 1] as number) * (shape[i + 1] as number);
  return strides;
}

export const maxRank = 6;

/** out[index . outStrides] = x[index . xStrides] for every index of `shape`. */
export function emitStridedCopy(
  e: Emit,
  out: number,
  x: number,
  shape: readonly number[],
  xStrides: readonly number[],
  outStrides: readonly number[],
): void {
  const pad = (values: readonly number[], fill: number) => [
    ...Array<number>(maxRank - values.length).fill(fill),
    ...values,
  ];
  e.kernel('stridedCopy', out, x, ...pad(shape, 1), ...pad(xStrides, 0), ...pad(outStrides, 0));
}
