import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness, f32 } from './kernel-harness.ts';

const rows = 3;
const ignored = -100;
const shares = (count: number, seed: number): Float32Array => floats(count, seed, 1).map(Math.abs);

/** log of the sum of e^x, less x, in float64. */
function surprises(row: readonly number[]): number[] {
  const top = Math.max(...row);
  const sum = row.reduce((total, v) => total + Math.exp(v - top), 0);
  return row.map((v) => Math.log(sum) + (top - v));
}

describe.each(sizes)('%i classes', (cols) => {
  const labels = [cols - 1, ignored, cols >> 1];
  const weights = shares(cols, 5);
  const [targets, g] = [shares(rows * cols, 6), floats(rows, 7)];
  const rowOf = (values: Float32Array, i: number): number[] => Array.from(values.slice(i * cols, (i + 1) * cols));

  const soft = (x: Float32Array, t = targets): Float32Array =>
    run('softCrossEntropy', x.length / cols, (h, out) => [out, h.f32(x), h.f32(t), x.length / cols, cols, h.alloc(64)]);
  const softSlope = (x: Float32Array, t = targets, by = g): Float32Array =>
    run('softCrossEntropyGrad', x.length, (h, out) => [out, h.f32(x), h.f32(t), h.f32(by), x.length / cols, cols]);
  const weighted = (x: Float32Array, s: number, of = labels): Float32Array =>
    run('weightedCrossEntropy', of.length, (h, out) => [
      out,
      h.f32(x),
      h.i32(of),
      h.f32(weights),
      of.length,
      cols,
      ignored,
      f32(s),
      h.alloc(64),
      7,
    ]);
  const weightedSlope = (x: Float32Array, s: number, of = labels, by = g): Float32Array =>
    run('weightedCrossEntropyGrad', x.length, (h, out) => [
      out,
      h.f32(x),
      h.i32(of),
      h.f32(weights),
      h.f32(by),
      of.length,
      cols,
      ignored,
      f32(s),
    ]);

  test.each([1, 20, 1000])('logits to %i', (span) => {
    const x = floats(rows * cols, 1, span);
    const expectRows = (t: (i: number) => number[], values: Float32Array, slopes: Float32Array): void => {
      for (let i = 0; i < rows; i++) {
        const surprise = surprises(rowOf(x, i));
        const total = t(i).reduce((a, b) => a + b, 0);
        const value = surprise.reduce((sum, v, c) => sum + v * (t(i)[c] as number), 0);
        expectClose([values[i] as number], [value], 2e-6, 'value');
        const slope = surprise.map((v, c) => (Math.exp(-v) * total - (t(i)[c] as number)) * (g[i] as number));
        expectClose(rowOf(slopes, i), slope, 1e-5, 'slope');
      }
    };
    expectRows((i) => rowOf(targets, i), soft(x), softSlope(x));
    for (const s of [0, 0.1, 1]) {
      const smoothed = (i: number): number[] =>
        Array.from(weights, (w, c) => (labels[i] === ignored ? 0 : w * ((c === labels[i] ? 1 - s : 0) + s / cols)));
      expectRows(smoothed, weighted(x, s), weightedSlope(x, s));
    }
    const second = x.slice(cols, 2 * cols);
    expect(soft(second, targets.slice(cols, 2 * cols))[0], 'a row alone').toBe(soft(x)[1]);
  });

  test('a class ruled out by -Infinity costs nothing where its share is 0, and all where it is not', () => {
    if (cols < 2) return;
    const x = floats(cols, 1);
    const t = shares(cols, 2);
    x[1] = Number.NEGATIVE_INFINITY;
    t[1] = 0;
    expect(soft(x, t)[0]).toSatisfy(Number.isFinite);
    expect(softSlope(x, t, g.slice(0, 1)).every(Number.isFinite)).toBe(true);
    t[1] = 0.5;
    expect(soft(x, t)[0]).toBe(Number.POSITIVE_INFINITY);
  });

  test('NaN is passed on, except in an ignored row; labels out of range give 0', () => {
    const x = floats(rows * cols, 3);
    x[0] = Number.NaN;
    x[cols] = Number.NaN;
    expect(Array.from(weighted(x, 0.1), Number.isNaN)).toEqual([true, false, false]);
    expect(Array.from(soft(x), Number.isNaN)).toEqual([true, true, false]);
    const wrong = [cols, -1, 2 ** 31 - 1];
    expect(weighted(x, 0.1, wrong)).toEqual(new Float32Array(rows));
    expect(weightedSlope(x, 0.1, wrong)).toEqual(new Float32Array(rows * cols));
  });
});

test('a label out of range is noted with node and row', () => {
  const h = createHarness();
  const context = h.i32(Array<number>(64).fill(0));
  h.call(
    'weightedCrossEntropy',
    h.alloc(2),
    h.f32([1, 2, 3, 4]),
    h.i32([1, 2]),
    h.f32([1, 1]),
    2,
    2,
    ignored,
    f32(0.1),
    context,
    9,
  );
  expect([...new Int32Array(h.read(context, 13).buffer).slice(8, 12)]).toEqual([1, 9, 1, 2]);
});
