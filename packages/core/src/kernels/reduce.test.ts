import { describe, expect, test } from 'vitest';

import {
  asIntegers,
  bitsOf,
  expectClose,
  floats,
  laneSum,
  run,
  segmentTables,
  sizes,
  tree,
} from '../../../../test/support/kernel-cases.ts';

const nan = Number.NaN;

describe.each(sizes)('%i to reduce', (n) => {
  const outer = 3;

  test('reduceSum of rows: 8 lanes', () => {
    const x = floats(outer * n, 1);
    const got = run('reduceSum', outer, (h, out) => [out, h.f32(x), outer, n, 1]);
    const rows = Array.from({ length: outer }, (_, i) => x.slice(i * n, (i + 1) * n));
    expect(bitsOf(got)).toEqual(bitsOf(Float32Array.from(rows, laneSum)));
    expectClose(
      got,
      rows.map((row) => row.reduce((a, b) => a + b, 0)),
      1e-5,
    );
    expect(run('reduceSum', 1, (h, out) => [out, h.f32(rows[1]!), 1, n, 1])[0], 'a row alone').toBe(got[1]);
  });

  test.each([2, 3, 4, 9, 16, 21, 64])('reduceSum of columns: ascending rows, %i columns', (inner) => {
    const x = floats(outer * n * inner, 2);
    const wanted = new Float32Array(outer * inner);
    for (let e = 0; e < x.length; e++) wanted[Math.floor(e / (n * inner)) * inner + (e % inner)]! += x[e]!;
    const got = run('reduceSum', outer * inner, (h, out) => [out, h.f32(x), outer, n, inner]);
    expect(bitsOf(got)).toEqual(bitsOf(wanted));
  });

  test.each([1, 2, 3, 4, 9, 21])('reduceMax and argmax, %i columns: the first of equals, or the first NaN', (inner) => {
    for (const holes of [0, 0.2]) {
      const dice = floats(outer * n * inner, 4, 1);
      // few different values, so that there are equals
      const x = floats(outer * n * inner, 3, 4).map((v, i) => (Math.abs(dice[i]!) < holes ? nan : Math.round(v)));
      const [best, at] = [new Float32Array(outer * inner), new Int32Array(outer * inner)];
      for (let o = 0; o < outer * inner; o++) {
        const column = Array.from({ length: n }, (_, k) => x[(Math.floor(o / inner) * n + k) * inner + (o % inner)]!);
        const hole = column.findIndex(Number.isNaN);
        at[o] = hole >= 0 ? hole : column.indexOf(Math.max(...column));
        best[o] = column[at[o]!]!;
      }
      expectClose(
        run('reduceMax', outer * inner, (h, out) => [out, h.f32(x), outer, n, inner]),
        best,
        0,
      );
      expect(asIntegers(run('argmax', outer * inner, (h, out) => [out, h.f32(x), outer, n, inner]))).toEqual(at);
    }
  });

  test('reduceMax of nothing but -Infinity, and with Infinity', () => {
    const low = new Float32Array(n).fill(-Infinity);
    expect(run('reduceMax', 1, (h, out) => [out, h.f32(low), 1, n, 1])[0]).toBe(-Infinity);
    expect(asIntegers(run('argmax', 1, (h, out) => [out, h.f32(low), 1, n, 1]))[0]).toBe(0);
    low[n - 1] = Infinity;
    expect(run('reduceMax', 1, (h, out) => [out, h.f32(low), 1, n, 1])[0]).toBe(Infinity);
  });

  test.each([1, 5, 16, 37])('segmentSum: the sums of the segments through addInto, %i columns', (inner) => {
    const x = floats(n * inner, 5);
    const part = (from: number, to: number): Float32Array =>
      run('reduceSum', inner + 1, (h, out) => [
        out,
        h.f32([...x.slice(from * inner, to * inner), ...padding(to - from)]),
        1,
        to - from,
        inner,
      ]).slice(0, inner);
    // one column would be the row rule: a sum over columns has two at least
    const columns = (from: number, to: number): Float32Array =>
      inner > 1 ? part(from, to) : ascending(x.slice(from, to));
    for (const table of segmentTables(n)) {
      const wanted = tree(
        0,
        table.length - 1,
        (s) => columns(table[s]!, table[s + 1]!),
        (a, b) => run('addInto', inner, (h, out) => [out, h.f32(a), h.f32(b), inner]),
      );
      const got = run('segmentSum', inner, (h, out) => [
        out,
        h.f32(x),
        h.i32(table),
        table.length - 1,
        inner,
        h.alloc(64 * inner),
      ]);
      expect(bitsOf(got), `segments ${table}`).toEqual(bitsOf(wanted));
    }
  });
});

const padding = (rows: number): number[] => Array<number>(rows).fill(0);

function ascending(values: Float32Array): Float32Array {
  const sum = new Float32Array(1);
  for (const value of values) sum[0]! += value;
  return sum;
}
