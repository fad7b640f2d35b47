import { expect, test } from 'vitest';
import { sha256Hex } from '../formats/digest.ts';
import * as math from './index.ts';

const grid = Array.from({ length: 4001 }, (_, i) => (i - 2000) / 97);

function expectClose(
  ours: (x: number) => number,
  reference: (x: number) => number,
  points: readonly number[],
  relative: number,
) {
  for (const x of points) {
    const [a, b] = [ours(x), reference(x)];
    expect(Math.abs(a - b), `at ${x}: ${a} instead of ${b}`).toBeLessThanOrEqual(
      relative * Math.max(Math.abs(b), 1e-300),
    );
  }
}

test('exp, log, tanh within a few units in the last place', () => {
  expectClose(math.exp, Math.exp, [...grid, -700, 700, 1e-9], 1e-15);
  expectClose(math.log, Math.log, grid.filter((x) => x > 0 && Math.abs(x - 1) > 0.01).concat([1e-310, 1e300]), 1e-15);
  expectClose(
    math.tanh,
    Math.tanh,
    grid.filter((x) => x !== 0),
    6e-16,
  );
});

test('sin and cos, absolute, also far out', () => {
  for (const x of [...grid, 1e4 + 0.3, -99999.9]) {
    expect(Math.abs(math.sin(x) - Math.sin(x))).toBeLessThan(2e-15);
    expect(Math.abs(math.cos(x) - Math.cos(x))).toBeLessThan(2e-15);
  }
});

test('pow and erf at known values', () => {
  expect(math.pow(2, 10)).toBe(1024);
  expect(math.pow(0.9, -2)).toBeCloseTo(1 / 0.81, 14);
  expect(math.pow(10, 0.5)).toBeCloseTo(Math.sqrt(10), 14);
  expect(math.erf(0.5)).toBeCloseTo(0.5204998778130465, 14);
  expect(math.erf(-2)).toBeCloseTo(-0.9953222650189527, 14);
  expect(math.erf(3.5)).toBeCloseTo(0.9999992569016276, 14);
});

test('edges', () => {
  expect(math.exp(Number.NEGATIVE_INFINITY)).toBe(0);
  expect(math.exp(1000)).toBe(Number.POSITIVE_INFINITY);
  expect(math.log(0)).toBe(Number.NEGATIVE_INFINITY);
  expect(math.log(-1)).toBeNaN();
  expect(math.sin(Number.POSITIVE_INFINITY)).toBeNaN();
});

test('exp down to the smallest number, log near 1', () => {
  expect(math.exp(-745)).toBe(5e-324);
  expect(math.exp(-740.5)).toBe(Math.exp(-740.5));
  expectClose(math.log, Math.log, [1 - 2 ** -53, 1 + 2 ** -52, 1 - 1e-9, 1 + 1e-9, 0.999, 1.001], 5e-16);
});

// Of every function, so that a bit that differs on a platform or a version of Node shows here first.
test('the same bits everywhere', () => {
  const positive = grid.filter((x) => x > 0);
  const values = [math.exp, math.sin, math.cos, math.tanh, math.erf].flatMap((f) => grid.map(f));
  values.push(...positive.map(math.log), ...positive.map((x) => math.pow(x, 7.3 - x)));
  expect(sha256Hex(new Float64Array(values))).toBe('1d68afe4fbf9c75589eb1b4d8d36841ff3c733896e7dabda9004e53b8a8c6cfd');
});
