import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import { deriveKey } from '../random/keys.ts';
import { RandomStream } from '../random/stream.ts';
import { init } from './index.ts';

function filled(initializer: init.Initializer, shape: readonly number[], stream = 3): Float32Array {
  const values = new Float32Array(shape.reduce((n, d) => n * d, 1));
  initializer(values, new RandomStream(deriveKey(1, 'init'), stream), shape);
  return values;
}

const shape = [120, 20, 5, 5]; // fan in 500, fan out 3000
const meanOf = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;
const stdOf = (values: Float32Array): number => {
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length);
};

// 60000 numbers: a standard deviation is met to 1 %, six times its own spread for normal ones.
describe.each<[string, init.Initializer, { std: number; bound?: number; mean?: number }]>([
  ['constant', init.constant(0.25), { std: 0, mean: 0.25 }],
  ['uniform', init.uniform(0.3), { std: 0.3 / Math.sqrt(3), bound: 0.3 }],
  ['normal', init.normal(0.02, 1), { std: 0.02, mean: 1 }],
  ['truncatedNormal', init.truncatedNormal(), { std: 0.8796, bound: 2 }],
  ['xavierUniform', init.xavierUniform(), { std: Math.sqrt(2 / 3500), bound: Math.sqrt(6 / 3500) }],
  [
    'xavierUniform for tanh',
    init.xavierUniform({ gain: init.calculateGain('tanh') }),
    { std: (5 / 3) * Math.sqrt(2 / 3500) },
  ],
  ['xavierNormal', init.xavierNormal(), { std: Math.sqrt(2 / 3500) }],
  ['kaimingUniform', init.kaimingUniform(), { std: Math.sqrt(2 / 500), bound: Math.sqrt(6 / 500) }],
  [
    'kaimingUniform as Linear starts',
    init.kaimingUniform({ a: Math.sqrt(5) }),
    { std: 1 / Math.sqrt(1500), bound: 1 / Math.sqrt(500) },
  ],
  ['kaimingNormal', init.kaimingNormal({ nonlinearity: 'relu' }), { std: Math.sqrt(2 / 500) }],
  [
    'kaimingNormal, fan out',
    init.kaimingNormal({ mode: 'fanOut', nonlinearity: 'linear' }),
    { std: 1 / Math.sqrt(3000) },
  ],
])('%s', (_, initializer, { std, bound, mean = 0 }) => {
  const values = filled(initializer, shape);

  test('mean and standard deviation', () => {
    expect(stdOf(values)).toBeGreaterThanOrEqual(std * 0.98);
    expect(stdOf(values)).toBeLessThanOrEqual(std * 1.02);
    expect(Math.abs(meanOf(values) - mean)).toBeLessThanOrEqual(std * 0.02);
  });

  test('bounds', () => {
    if (bound === undefined) return;
    const largest = Math.max(...values.map(Math.abs));
    expect(largest).toBeLessThanOrEqual(Math.fround(bound));
    expect(largest).toBeGreaterThan(bound * 0.999);
  });

  test('the same stream gives the same numbers', () => {
    expect(filled(initializer, shape)).toEqual(values);
    if (std > 0) expect(filled(initializer, shape, 4)).not.toEqual(values);
  });
});

test('normal numbers have normal tails', () => {
  const values = filled(init.kaimingNormal(), shape);
  const std = Math.sqrt(2 / 500);
  const within = (z: number): number => values.filter((x) => Math.abs(x) < z * std).length / values.length;
  expect(within(1)).toBeCloseTo(0.6827, 2);
  expect(within(2)).toBeCloseTo(0.9545, 2);
  expect(within(3)).toBeCloseTo(0.9973, 3);
});

test('truncatedNormal to one side', () => {
  const values = filled(init.truncatedNormal({ mean: 0, std: 0.5, a: 0.5, b: 10 }), [1000]);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(0.5);
  // mean of a standard normal beyond 1: density(1) / (1 - Phi(1))
  expect(meanOf(values)).toBeCloseTo(0.5 * 1.5251, 1);
});

test.each([[[5, 5]], [[3, 11]], [[11, 3]], [[4, 2, 3]], [[1, 7]], [[64, 64]]])('orthogonal %j', (dims) => {
  const [rows, columns] = [dims[0] as number, dims.slice(1).reduce((n, d) => n * d, 1)];
  const values = filled(init.orthogonal({ gain: 2 }), dims);
  const at = (v: number, i: number): number => values[rows <= columns ? v * columns + i : i * columns + v] as number;
  const [count, size] = [Math.min(rows, columns), Math.max(rows, columns)];
  for (let a = 0; a < count; a++) {
    for (let b = 0; b <= a; b++) {
      let dot = 0;
      for (let i = 0; i < size; i++) dot += at(a, i) * at(b, i);
      expect(dot, `vectors ${a} and ${b}`).toBeCloseTo(a === b ? 4 : 0, 5);
    }
  }
});

test.each([
  [() => filled(init.xavierUniform(), [7]), /init.xavierUniform: a parameter of shape \[7\] has no fan/],
  [() => filled(init.kaimingNormal(), []), /has no fan/],
  [() => filled(init.orthogonal(), [7]), /init.orthogonal: a parameter of shape \[7\]/],
  [() => init.truncatedNormal({ a: 2, b: 2 }), /a 2 must be below b 2/],
  [() => filled(init.truncatedNormal({ a: 50, b: 51 }), [1]), /\[50, 51\] holds almost no normal number/],
  [() => init.calculateGain('swish' as 'relu'), /nonlinearity "swish" is unknown; use one of linear, sigmoid/],
  [
    () => filled(init.kaimingNormal({ mode: 'fan_in' as 'fanIn' }), [2, 3]),
    /mode must be "fanIn" or "fanOut", not "fan_in"/,
  ],
])('bad use %#', (run, message) => {
  expect(run).toThrow(UsageError);
  expect(run).toThrow(message);
});
