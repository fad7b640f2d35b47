import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { f32 } from './kernel-harness.ts';
import type { KernelName } from './opcodes.ts';

const rows = 3;
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const split = (x: Float32Array, cols: number): number[][] =>
  Array.from({ length: x.length / cols }, (_, i) => Array.from(x.slice(i * cols, (i + 1) * cols)));

function softmax(row: readonly number[], scale = 1): number[] {
  const top = Math.max(...row.map((v) => v * scale));
  const e = row.map((v) => Math.exp(v * scale - top));
  return e.map((v) => v / sum(e));
}
const logSoftmax = (row: readonly number[]): number[] => {
  const top = Math.max(...row);
  const log = Math.log(sum(row.map((v) => Math.exp(v - top))));
  return row.map((v) => v - top - log);
};

const forward: [KernelName, (row: readonly number[]) => number[], number][] = [
  ['softmax', (row) => softmax(row), 3e-7],
  ['logSoftmax', logSoftmax, 1e-6],
];

describe.each(forward)('%s', (kernel, f, tolerance) => {
  const of = (x: Float32Array, cols: number): Float32Array =>
    run(kernel, x.length, (h, out) => [out, h.f32(x), x.length / cols, cols]);

  test.each(sizes)('%i columns', (cols) => {
    const x = floats(rows * cols, 1, 20);
    const got = of(x, cols);
    expectClose(got, split(x, cols).flatMap(f), tolerance);
    expect(of(x.slice(cols, 2 * cols), cols), 'a row alone').toEqual(got.slice(cols, 2 * cols));
    expect(
      run(kernel, x, (_, out) => [out, out, rows, cols]),
      'in place',
    ).toEqual(got);
  });

  test.each(sizes)('%i columns with large numbers, -Infinity and NaN', (cols) => {
    const x = floats(cols, 2, 1e4);
    expectClose(of(x, cols), f(Array.from(x)), 1e-5);
    x[cols - 1] = Number.NaN;
    expect(Array.from(of(x, cols)).every(Number.isNaN)).toBe(true);
    x.fill(1);
    if (cols > 1) x[cols - 1] = -Infinity;
    expectClose(of(x, cols), f(Array.from(x)), tolerance);
  });
});

const backward: [KernelName, (y: readonly number[], g: readonly number[]) => number[], number[]][] = [
  ['softmaxGrad', (y, g) => y.map((v, j) => v * (g[j]! - sum(y.map((w, k) => w * g[k]!)))), []],
  ['scaledSoftmaxGrad', (y, g) => y.map((v, j) => 0.3 * v * (g[j]! - sum(y.map((w, k) => w * g[k]!)))), [0.3]],
  ['logSoftmaxGrad', (y, g) => y.map((v, j) => g[j]! - Math.exp(v) * sum([...g])), []],
];

test.each(backward)('%s', (kernel, f, scalars) => {
  for (const cols of sizes) {
    const [y, g] = [floats(rows * cols, 3, 1), floats(rows * cols, 4, 2)];
    const rest = scalars.map(f32);
    const got = run(kernel, y.length, (h, out) => [out, h.f32(y), h.f32(g), rows, cols, ...rest]);
    const gs = split(g, cols);
    expectClose(
      got,
      split(y, cols).flatMap((row, i) => f(row, gs[i]!)),
      3e-6,
      `${cols} columns`,
    );
    expect(
      run(kernel, g, (h, out) => [out, h.f32(y), out, rows, cols, ...rest]),
      'over the gradient',
    ).toEqual(got);
    const alone = run(kernel, cols, (h, out) => [
      out,
      h.f32(y.slice(cols, 2 * cols)),
      h.f32(g.slice(cols, 2 * cols)),
      1,
      cols,
      ...rest,
    ]);
    expect(alone, 'a row alone').toEqual(got.slice(cols, 2 * cols));
  }
});

describe('causalSoftmax', () => {
  const of = (x: Float32Array, batch: number, tq: number, tk: number, scale: number): Float32Array =>
    run('causalSoftmax', x.length, (h, out) => [out, h.f32(x), batch, tq, tk, f32(scale)]);

  test.each([
    [1, 1],
    [3, 3],
    [8, 8],
    [17, 17],
    [1, 9],
    [5, 12],
    [31, 64],
  ])('%i queries, %i keys', (tq, tk) => {
    for (const scale of [0.25, 1, -2]) {
      const x = floats(2 * tq * tk, 5, 10);
      const got = of(x, 2, tq, tk, scale);
      const wanted = split(x, tk).flatMap((row, r) => {
        const seen = (r % tq) + 1 + tk - tq;
        return [...softmax(row.slice(0, seen), scale), ...Array<number>(tk - seen).fill(0)];
      });
      expectClose(got, wanted, 1e-6);
      expect(
        run('causalSoftmax', x, (_, out) => [out, out, 2, tq, tk, f32(scale)]),
        'in place',
      ).toEqual(got);
    }
  });

  test('a row has the bits of a softmax over what it sees, whatever lies behind', () => {
    const x = floats(33 * 33, 6, 10);
    const got = of(x, 1, 33, 33, 1);
    for (let i = 0; i < 33; i++) {
      const row = x.slice(i * 33, i * 33 + i + 1);
      const alone = run('softmax', i + 1, (h, out) => [out, h.f32(row), 1, i + 1]);
      expect(bitsOf(got.slice(i * 33, i * 33 + i + 1))).toEqual(bitsOf(alone));
    }
    const hidden = x.map((v, e) => (e % 33 > Math.floor(e / 33) ? Number.NaN : v));
    expect(of(hidden, 1, 33, 33, 1)).toEqual(got);
  });
});
