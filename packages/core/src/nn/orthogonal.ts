import { UsageError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';

/**
 * Rows (or, where there are more rows than columns, columns) of norm `gain` at right angles (Saxe et al. 2014); dimensions after the first
 * count as columns. Normal numbers made orthogonal by Gram and Schmidt, twice, in double precision.
 */
export const orthogonal =
  ({ gain = 1 }: { gain?: number } = {}) =>
  (values: Float32Array, random: RandomStream, shape: readonly number[]): void => {
    const [rows, ...rest] = shape;
    if (rows === undefined || rest.length === 0) {
      throw new UsageError(
        `init.orthogonal: a parameter of shape [${shape.join(', ')}] has no rows and columns; it takes at least two dimensions.`,
      );
    }
    const columns = rest.reduce((n, d) => n * d, 1);
    const [count, size] = [Math.min(rows, columns), Math.max(rows, columns)];
    const vectors = Array.from({ length: count }, (_, v) =>
      Float64Array.from({ length: size }, (_, i) => random.normal(v * size + i)),
    );
    vectors.forEach((vector, v) => {
      for (let pass = 0; pass < 2; pass++) {
        for (const earlier of vectors.slice(0, v)) subtract(vector, earlier, dot(vector, earlier));
      }
      const norm = Math.sqrt(dot(vector, vector));
      for (let i = 0; i < size; i++) vector[i] = (vector[i] as number) / norm;
    });
    for (let i = 0; i < values.length; i++) {
      const [row, column] = [Math.floor(i / columns), i % columns];
      const [vector, place] = rows <= columns ? [row, column] : [column, row];
      values[i] = gain * (vectors[vector]?.[place] as number);
    }
  };

const dot = (a: Float64Array, b: Float64Array): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
};

function subtract(from: Float64Array, what: Float64Array, times: number): void {
  for (let i = 0; i < from.length; i++) from[i] = (from[i] as number) - times * (what[i] as number);
}
