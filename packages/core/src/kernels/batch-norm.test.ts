import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run, segmentTables, tree } from '../../../../test/support/kernel-cases.ts';
import { f32 } from './kernel-harness.ts';

const eps = 1e-5;
const [samples, channels] = [7, 3];

/** Values of channel c in samples `from` to `to`. */
const valuesOf = (x: Float32Array, positions: number, c: number, from: number, to: number): number[] =>
  Array.from(x).filter((_, i) => {
    const plane = Math.floor(i / positions);
    const sample = Math.floor(plane / channels);
    return plane % channels === c && sample >= from && sample < to;
  });
const total = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const each = (table: readonly number[]) => table.slice(1).map((to, s) => [table[s]!, to] as const);

describe.each([1, 4, 9, 33])('batch norm over %i positions', (positions) => {
  const n = samples * channels * positions;
  const [x, g] = [floats(n, 1, 3), floats(n, 2)];
  const [w, b] = [floats(channels, 3), floats(channels, 4)];
  const tables = segmentTables(samples);

  const moments = (table: readonly number[]) =>
    run('batchMoments', samples * 3 * channels, (h, out) => [
      out,
      h.f32(x),
      h.i32(table),
      table.length - 1,
      channels,
      positions,
      f32(eps),
    ]);
  const sums = (table: readonly number[], stats: Float32Array) =>
    run('batchNormSums', samples * 4 * channels, (h, out) => [
      out,
      h.f32(x),
      h.f32(g),
      h.f32(stats),
      ...[0, 0, 0],
      h.i32(table),
      table.length - 1,
      channels,
      positions,
    ]);

  test.each(tables)('moments of segments %j', (...table) => {
    const got = moments(table);
    for (const [from, to] of each(table)) {
      for (let c = 0; c < channels; c++) {
        const values = valuesOf(x, positions, c, from, to);
        const mean = total(values) / values.length;
        const squares = total(values.map((v) => (v - mean) ** 2));
        const unbiased = values.length > 1 ? squares / (values.length - 1) : 0;
        for (let sample = from; sample < to; sample++) {
          const at = (row: number) => got[(sample * 3 + row) * channels + c]!;
          expectClose([at(0), at(2)], [mean, unbiased], 1e-5);
          // a variance of 0 leaves 1 / sqrt(eps)
          expectClose([at(1)], [1 / Math.sqrt(squares / values.length + eps)], 1e-3);
        }
      }
    }
  });

  test.each([
    [true, true],
    [true, false],
    [false, false],
  ])('normalised, weight %s, bias %s', (weight, bias) => {
    const stats = moments([0, 3, samples]);
    const got = run('batchNorm', n, (h, out) => [
      out,
      h.f32(x),
      h.f32(stats),
      weight ? h.f32(w) : 0,
      bias ? h.f32(b) : 0,
      ...[0, 0],
      samples,
      channels,
      positions,
    ]);
    const wanted = Array.from(x, (v, i) => {
      const c = Math.floor(i / positions) % channels;
      const row = Math.floor(i / positions / channels) * 3 * channels + c;
      const y = (v - stats[row]!) * stats[row + channels]!;
      return y * (weight ? w[c]! : 1) + (bias ? b[c]! : 0);
    });
    expectClose(got, wanted, 1e-5);
  });

  test('sums and gradient', () => {
    const table = [0, 3, samples];
    const stats = moments(table);
    const got = sums(table, stats);
    const normal = x.map((v, i) => {
      const row = Math.floor(i / positions / channels) * 3 * channels + (Math.floor(i / positions) % channels);
      return (v - stats[row]!) * stats[row + channels]!;
    });
    const products = normal.map((v, i) => v * g[i]!);
    const wanted = Array.from({ length: got.length }, (_, i) => {
      const [sample, row, c] = [Math.floor(i / channels / 4), Math.floor(i / channels) % 4, i % channels];
      const [from, to] = each(table).find(([a, e]) => sample >= a && sample < e)!;
      const values = valuesOf(row % 2 === 0 ? g : products, positions, c, from, to);
      return row < 2 ? total(values) : total(values) / values.length;
    });
    expectClose(got, wanted, 1e-4);

    const gradient = run('batchNormGrad', n, (h, out) => [
      out,
      h.f32(x),
      h.f32(g),
      h.f32(stats),
      h.f32(got),
      h.f32(w),
      ...[0, 0],
      samples,
      channels,
      positions,
    ]);
    const expected = Array.from(g, (v, i) => {
      const [sample, c] = [Math.floor(i / positions / channels), Math.floor(i / positions) % channels];
      const at = (row: number) => got[(sample * 4 + row) * channels + c]!;
      const r = stats[(sample * 3 + 1) * channels + c]!;
      return w[c]! * r * (v - at(2) - normal[i]! * at(3));
    });
    expectClose(gradient, expected, 1e-4);
  });

  test('a ReLU and a sum as part of them give the bits of kernels by themselves', () => {
    const stats = moments([0, 3, samples]);
    const z = floats(n, 5);
    const norm = (plus: boolean, relu: number) =>
      run('batchNorm', n, (h, out) => {
        const inputs = [h.f32(x), h.f32(stats), h.f32(w), h.f32(b), plus ? h.f32(z) : 0];
        return [out, ...inputs, relu, samples, channels, positions];
      });
    const alone = (kernel: 'relu' | 'reluGrad', ...inputs: Float32Array[]) =>
      run(kernel, n, (h, out) => [out, ...inputs.map((values) => h.f32(values)), n]);
    const y = norm(false, 0);
    const more = y.map((v, i) => v + z[i]!);
    expect(bitsOf(norm(false, 1))).toEqual(bitsOf(alone('relu', y)));
    expect(bitsOf(norm(true, 0))).toEqual(bitsOf(more));
    expect(bitsOf(norm(true, 1))).toEqual(bitsOf(alone('relu', more)));

    const summed = (values: Float32Array, relu: number) =>
      run('batchNormSums', samples * 4 * channels, (h, out) => {
        const inputs = [x, values, stats, w, b].map((each) => h.f32(each));
        return [out, ...inputs, relu, h.i32([0, 3, samples]), 2, channels, positions];
      });
    const behind = alone('reluGrad', y, g);
    const together = summed(g, 1);
    expect(bitsOf(together)).toEqual(bitsOf(summed(behind, 0)));
    const gradient = (values: Float32Array, relu: number) =>
      run('batchNormGrad', n, (h, out) => {
        const inputs = [x, values, stats, together, w, b].map((each) => h.f32(each));
        return [out, ...inputs, relu, samples, channels, positions];
      });
    expect(bitsOf(gradient(g, 1))).toEqual(bitsOf(gradient(behind, 0)));
  });

  test.each(tables)('the first rows of segments %j are joined by the tree', (...table) => {
    const rows = sums(table, moments(table));
    const first = (part: readonly number[]) =>
      run('segmentFirst', channels, (h, out) => [
        out,
        h.f32(rows) + channels * 4,
        h.i32(part),
        part.length - 1,
        channels,
        channels * 4,
        h.alloc(channels * 4),
      ]);
    const parts = tree(
      0,
      table.length - 1,
      (s) => first([table[s]!, table[s + 1]!]),
      (left, right) => left.map((v, i) => v + right[i]!),
    );
    expect(bitsOf(first(table))).toEqual(bitsOf(parts));
  });
});

test('channelAffine and channelDot', () => {
  const positions = 11;
  const n = samples * channels * positions;
  const [x, y, w, b] = [floats(n, 1), floats(n, 2), floats(channels, 3), floats(channels, 4)];
  const channel = (i: number) => Math.floor(i / positions) % channels;
  for (const shifted of [true, false]) {
    const got = run('channelAffine', n, (h, out) => [
      out,
      h.f32(x),
      h.f32(w),
      shifted ? h.f32(b) : 0,
      samples,
      channels,
      positions,
    ]);
    expectClose(
      got,
      Array.from(x, (v, i) => v * w[channel(i)]! + (shifted ? b[channel(i)]! : 0)),
      1e-6,
    );
  }
  for (const table of segmentTables(samples)) {
    const dot = (part: readonly number[]) =>
      run('channelDot', channels, (h, out) => [
        out,
        h.f32(x),
        h.f32(y),
        h.i32(part),
        part.length - 1,
        channels,
        positions,
        h.alloc(channels * 4),
      ]);
    const products = x.map((v, i) => v * y[i]!);
    const whole = dot(table);
    expectClose(
      whole,
      [0, 1, 2].map((c) => total(valuesOf(products, positions, c, 0, samples))),
      1e-5,
    );
    const parts = tree(
      0,
      table.length - 1,
      (s) => dot([table[s]!, table[s + 1]!]),
      (left, right) => left.map((v, i) => v + right[i]!),
    );
    expect(bitsOf(whole)).toEqual(bitsOf(parts));
  }
});
