import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';

const rows = 4;
const ignored = -100;

describe.each(sizes)('%i classes', (cols) => {
  const labels = [0, cols - 1, ignored, cols >> 1];
  const g = floats(rows, 2);
  const value = (x: Float32Array, of = labels): Float32Array =>
    run('crossEntropy', of.length, (h, out) => [out, h.f32(x), h.i32(of), of.length, cols, ignored, h.alloc(64), 7]);
  const slope = (x: Float32Array, of = labels, by = g): Float32Array =>
    run('crossEntropyGrad', x.length, (h, out) => [out, h.f32(x), h.i32(of), h.f32(by), of.length, cols, ignored]);

  function reference(x: Float32Array): { values: number[]; slopes: number[] } {
    const values: number[] = [];
    const slopes: number[] = [];
    labels.forEach((label, i) => {
      const row = Array.from(x.slice(i * cols, (i + 1) * cols));
      const top = Math.max(...row);
      const e = row.map((v) => Math.exp(v - top));
      const sum = e.reduce((a, b) => a + b, 0);
      const counts = label !== ignored;
      values.push(counts ? Math.log(sum) + top - row[label]! : 0);
      slopes.push(...e.map((v, j) => (counts ? (v / sum - Number(j === label)) * g[i]! : 0)));
    });
    return { values, slopes };
  }

  test.each([1, 20, 1000])('logits to %i', (span) => {
    const x = floats(rows * cols, 1, span);
    const { values, slopes } = reference(x);
    const [got, gradient] = [value(x), slope(x)];
    expectClose(got, values, 1e-6);
    expectClose(gradient, slopes, 1e-6);
    const second = x.slice(cols, 2 * cols);
    expect(value(second, [cols - 1])[0], 'a row alone').toBe(got[1]);
    expect(slope(second, [cols - 1], g.slice(1, 2))).toEqual(gradient.slice(cols, 2 * cols));
  });

  test('NaN is passed on, except in an ignored row; labels out of range give 0', () => {
    const x = floats(rows * cols, 3);
    x[cols] = Number.NaN;
    x[2 * cols] = Number.NaN;
    expect(Array.from(value(x), Number.isNaN)).toEqual([false, true, false, false]);
    const spoilt = Array.from(slope(x), Number.isNaN);
    expect(spoilt).toEqual(Array.from({ length: rows * cols }, (_, e) => Math.floor(e / cols) === 1));
    const wrong = [cols, -1, -(2 ** 31), 2 ** 31 - 1];
    expect(value(x, wrong)).toEqual(new Float32Array(rows));
    expect(slope(x, wrong)).toEqual(new Float32Array(rows * cols));
  });
});
