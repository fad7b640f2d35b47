import { expect } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import { mul } from '../ops/arithmetic.ts';
import { grad } from '../ops/grad.ts';
import { tensor } from '../ops/leaf.ts';
import { sum } from '../ops/stretch.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import { RandomStream } from '../random/stream.ts';

/** Numbers in [low, high) by place, never closer than 0.05 to a multiple of 0.5 where functions have kinks. */
export function sampleValues(count: number, stream: number, low = -2, high = 2): Float32Array {
  const random = new RandomStream([7, 9], stream);
  return Float32Array.from({ length: count }, (_, i) => {
    const x = low + (high - low) * random.uniform(i);
    const near = Math.round(x * 2) / 2;
    return Math.abs(x - near) < 0.05 ? near + 0.05 + (x - near) * 0.5 : x;
  });
}

/** A constant of such numbers. */
export const sampleTensor = (shape: readonly number[], stream: number): Tensor =>
  tensor(
    sampleValues(
      shape.reduce((n, d) => n * d, 1),
      stream,
    ),
    { shape },
  );

/**
 * Compares the derivative of sum(w * f(...)) with central differences, for every element of every input. w is random so that no
 * symmetry hides an error.
 */
export function expectGradient(
  f: (...inputs: Tensor[]) => Tensor,
  shapes: readonly (readonly number[])[],
  options: { low?: number; high?: number; step?: number; tolerance?: number } = {},
): void {
  const { low = -2, high = 2, step = 4e-3, tolerance = 4e-3 } = options;
  const values = shapes.map((shape, i) =>
    sampleValues(
      shape.reduce((n, d) => n * d, 1),
      i,
      low,
      high,
    ),
  );
  const build = (arrays: readonly Float32Array[]) => {
    const inputs = arrays.map((array, i) => tensor(array, { shape: shapes[i] as number[] }));
    const y = f(...inputs);
    const size = (y.shape as number[]).reduce((n, d) => n * d, 1);
    const weights = tensor(sampleValues(size, 99), { shape: y.shape as number[] });
    return { inputs, value: sum(mul(y, weights)) };
  };
  const { inputs, value } = build(values);
  const gradients = evaluateTensors(grad(value, inputs));
  const scale = Math.max(1, ...gradients.map((g) => Math.max(...g.map(Math.abs))));
  values.forEach((array, i) => {
    const moved: { at: number; values: Tensor[] }[] = Array.from(array, (x, at) => {
      const shifted = (by: number) => build(values.map((v, k) => (k === i ? v.with(at, x + by) : v))).value;
      return { at, values: [shifted(step), shifted(-step)] };
    });
    const differences = evaluateTensors(moved.flatMap((m) => m.values)).map((v) => v[0] as number);
    moved.forEach(({ at }, k) => {
      const [up, down] = [differences[2 * k] as number, differences[2 * k + 1] as number];
      const x = array[at] as number;
      const expected = (up - down) / (Math.fround(x + step) - Math.fround(x - step));
      const got = gradients[i]?.[at] as number;
      expect(Math.abs(got - expected), `input ${i}, element ${at}: ${got}, differences give ${expected}`).toBeLessThan(
        tolerance * scale,
      );
    });
  });
}
