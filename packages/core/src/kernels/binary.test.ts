import { describe, expect, test } from 'vitest';

import { bitsOf, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import type { KernelName } from './opcodes.ts';

const kernels: [KernelName, (x: number, y: number) => number][] = [
  ['add', (x, y) => x + y],
  ['sub', (x, y) => x - y],
  ['mul', (x, y) => x * y],
  ['div', (x, y) => x / y],
  ['maximum', Math.max],
  ['minimum', Math.min],
  ['greater', (x, y) => Number(x > y)],
  ['greaterEqual', (x, y) => Number(x >= y)],
  ['equal', (x, y) => Number(x === y)],
];

const nan = Number.NaN;
const odd = [nan, Infinity, -Infinity, 0, -0, 1, -1, 3e38, 1e-40];

/** Elements of an operand for each mode, and where element (i, j) finds its own. */
const modes = [
  {
    count: (outer: number, inner: number) => outer * inner,
    at: (i: number, j: number, inner: number) => i * inner + j,
  },
  { count: (_: number, inner: number) => inner, at: (_: number, j: number) => j },
  { count: (outer: number) => outer, at: (i: number) => i },
  { count: () => 1, at: () => 0 },
];

describe.each(kernels)('%s', (kernel, f) => {
  const check = (
    outer: number,
    inner: number,
    aMode: number,
    bMode: number,
    from: (n: number, seed: number) => Float32Array,
  ) => {
    const [ma, mb] = [modes[aMode]!, modes[bMode]!];
    const [a, b] = [from(ma.count(outer, inner), 1), from(mb.count(outer, inner), 2)];
    const got = run(kernel, outer * inner, (h, out) => [out, h.f32(a), h.f32(b), outer, inner, aMode, bMode]);
    // + - * / of two f32 in f64, rounded once more to f32, are the f32 operations (Figueroa 1995)
    const wanted = Float32Array.from({ length: outer * inner }, (_, e) => {
      const [i, j] = [Math.floor(e / inner), e % inner];
      return f(a[ma.at(i, j, inner)]!, b[mb.at(i, j, inner)]!);
    });
    expect(bitsOf(got), `${outer} x ${inner}, modes ${aMode} ${bMode}`).toEqual(bitsOf(wanted));
  };

  test.each(sizes)('every pair of layouts, rows of %i', (inner) => {
    for (const outer of [1, 3]) {
      for (let modes = 0; modes < 16; modes++) check(outer, inner, modes >> 2, modes & 3, floats);
    }
  });

  test('special values, each with each', () => {
    const pick = (n: number, seed: number): Float32Array =>
      Float32Array.from({ length: n }, (_, i) => odd[seed === 1 ? i % 9 : Math.floor(i / 9) % 9]!);
    check(1, 81, 0, 0, pick);
    check(9, 9, 1, 2, (n, seed) => (seed === 1 ? Float32Array.from(odd) : Float32Array.from(odd).slice(0, n)));
  });

  test('over an operand of equal shape', () => {
    const [a, b] = [floats(51, 3), floats(51, 4)];
    const whole = run(kernel, 51, (h, out) => [out, h.f32(a), h.f32(b), 3, 17, 0, 0]);
    expect(run(kernel, a, (h, out) => [out, out, h.f32(b), 3, 17, 0, 0])).toEqual(whole);
    expect(run(kernel, b, (h, out) => [out, h.f32(a), out, 3, 17, 0, 0])).toEqual(whole);
  });
});

test.each(sizes)('where, %i elements: not zero picks the first', (n) => {
  const condition = Float32Array.from({ length: n }, (_, i) => [0, 1, -0, nan, -3, 1e-45][i % 6]!);
  const [x, y] = [floats(n, 5), floats(n, 6)];
  const got = run('where', n, (h, out) => [out, h.f32(condition), h.f32(x), h.f32(y), n]);
  expect(got).toEqual(Float32Array.from(condition, (c, i) => (c !== 0 ? x[i]! : y[i]!)));
});
