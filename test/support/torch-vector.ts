import { readFileSync } from 'node:fs';
import { ops, type Tensor } from '@lockstep/core';
import { expect } from 'vitest';

/** A tensor of a stored PyTorch case, flat in row-major order. */
export interface Values {
  shape: number[];
  dtype: 'float' | 'int64';
  data: number[];
}

export const vectorFolder = new URL('../vectors/torch/', import.meta.url);

export const loadVector = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`${name}.json`, vectorFolder), 'utf8')) as T;

/** Tolerance per tensor: 1e-5 * max(1, largest magnitude). */
export function expectClose(got: ArrayLike<number>, expected: readonly number[], what: string): void {
  expect(got.length, what).toBe(expected.length);
  const bound = 1e-5 * Math.max(1, ...expected.map(Math.abs));
  expected.forEach((value, i) => {
    const error = Math.abs((got[i] as number) - value);
    if (!(error <= bound))
      expect.fail(`${what}[${i}]: ${got[i]}, PyTorch gives ${value} (off by ${error}, allowed ${bound})`);
  });
}

export const toTensor = ({ shape, dtype, data }: Values): Tensor =>
  ops.tensor(data, { shape, dtype: dtype === 'int64' ? 'i32' : 'f32' });

export const toTensors = (values: Record<string, Values> = {}): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, toTensor(value)]));
