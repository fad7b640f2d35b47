import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run, segmentTables, sizes, tree } from '../../../../test/support/kernel-cases.ts';
import { f32 } from './kernel-harness.ts';

const eps = 1e-5;
const rows = 5;
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

function normalised(row: Float32Array): { n: number[]; r: number } {
  const x = Array.from(row);
  const m = mean(x);
  const r = 1 / Math.sqrt(mean(x.map((v) => (v - m) ** 2)) + eps);
  return { n: x.map((v) => (v - m) * r), r };
}

const row = (x: Float32Array, i: number, cols: number): Float32Array => x.slice(i * cols, (i + 1) * cols);
const everyRow = (f: (i: number) => number[]): number[] => Array.from({ length: rows }, (_, i) => f(i)).flat();

describe.each(sizes)('%i columns', (cols) => {
  const [x, w, b, g] = [floats(rows * cols, 1, 3), floats(cols, 2), floats(cols, 3), floats(rows * cols, 4)];
  // one column: the variance is 0 and r = 1 / sqrt(eps) makes 316 of every rounding error in x - mean, which is 0
  const options = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const;

  test.each(options)('layerNorm, weight %s, bias %s', (weight, bias) => {
    const of = (values: Float32Array): Float32Array =>
      run('layerNorm', values.length, (h, out) => [
        out,
        h.f32(values),
        weight ? h.f32(w) : 0,
        bias ? h.f32(b) : 0,
        values.length / cols,
        cols,
        f32(eps),
      ]);
    const got = of(x);
    const wanted = everyRow((i) =>
      normalised(row(x, i, cols)).n.map((v, j) => v * (weight ? w[j]! : 1) + (bias ? b[j]! : 0)),
    );
    expectClose(got, wanted, 1e-5);
    expect(of(row(x, 2, cols)), 'a row alone').toEqual(row(got, 2, cols));
  });

  test('layerNorm of rows far from 0, in two passes', () => {
    const far = x.map((v) => Math.fround(v + 1000));
    const got = run('layerNorm', far.length, (h, out) => [out, h.f32(far), 0, 0, rows, cols, f32(eps)]);
    // the mean itself is rounded to 6e-5 at 1000, and the rows' deviation is about 1.7
    if (cols > 3)
      expectClose(
        got,
        everyRow((i) => normalised(row(far, i, cols)).n),
        3e-3,
      );
  });

  test('a NaN spoils its own row and no other', () => {
    const spoilt = x.slice();
    spoilt[2 * cols] = Number.NaN;
    const got = run('layerNorm', x.length, (h, out) => [out, h.f32(spoilt), h.f32(w), h.f32(b), rows, cols, f32(eps)]);
    expect(Array.from(row(got, 2, cols)).every(Number.isNaN)).toBe(true);
    expect(Array.from(row(got, 3, cols)).some(Number.isNaN)).toBe(false);
  });

  test.each([true, false])('layerNormGradInput, weight %s', (weight) => {
    const of = (values: Float32Array, gradient: Float32Array): Float32Array =>
      run('layerNormGradInput', values.length, (h, out) => [
        out,
        h.f32(values),
        weight ? h.f32(w) : 0,
        h.f32(gradient),
        values.length / cols,
        cols,
        f32(eps),
      ]);
    const got = of(x, g);
    let largest = 1;
    const wanted = everyRow((i) => {
      const { n, r } = normalised(row(x, i, cols));
      const h = n.map((_, j) => g[i * cols + j]! * (weight ? w[j]! : 1));
      const [hMean, hnMean] = [mean(h), mean(h.map((v, j) => v * n[j]!))];
      largest = Math.max(largest, r * Math.max(...h.map(Math.abs)));
      return h.map((v, j) => r * (v - hMean - n[j]! * hnMean));
    });
    // a difference of terms of that size
    expectClose(got, wanted, 4e-6 * largest);
    expect(of(row(x, 3, cols), row(g, 3, cols)), 'a row alone').toEqual(row(got, 3, cols));
  });

  test('layerNormGradWeight: each segment by itself, then the tree', () => {
    const of = (values: Float32Array, gradient: Float32Array, table: readonly number[]): Float32Array =>
      run('layerNormGradWeight', cols, (h, out) => [
        out,
        h.f32(values),
        h.f32(gradient),
        h.i32(table),
        table.length - 1,
        cols,
        f32(eps),
        h.alloc(65 * cols),
      ]);
    const wanted = Array.from({ length: cols }, (_, j) =>
      Array.from({ length: rows }, (_, i) => g[i * cols + j]! * normalised(row(x, i, cols)).n[j]!).reduce(
        (p, q) => p + q,
        0,
      ),
    );
    for (const table of segmentTables(rows)) {
      const got = of(x, g, table);
      expectClose(got, wanted, 2e-5);
      const leaf = (s: number): Float32Array => {
        const [from, to] = [table[s]! * cols, table[s + 1]! * cols];
        return of(x.slice(from, to), g.slice(from, to), [0, table[s + 1]! - table[s]!]);
      };
      const joined = tree(0, table.length - 1, leaf, (p, q) =>
        run('addInto', cols, (h, out) => [out, h.f32(p), h.f32(q), cols]),
      );
      expect(bitsOf(got), `segments ${table}`).toEqual(bitsOf(joined));
    }
  });
});
