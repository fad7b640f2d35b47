import { describe, expect, test } from 'vitest';

import { asIntegers, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness } from './kernel-harness.ts';

const indices = [4, 0, 4, 2, 1, 4, 3];
const tableRows = 5;

describe.each(sizes)('rows of %i', (dim) => {
  test('embedding copies rows; outside of the table there are zeros', () => {
    const table = floats(tableRows * dim, 1);
    const picked = [...indices, -1, tableRows, 1];
    const got = run('embedding', picked.length * dim, (h, out) => [
      out,
      h.f32(table),
      h.i32(picked),
      picked.length,
      dim,
      tableRows,
      h.alloc(64),
      9,
    ]);
    const wanted = picked.flatMap((at) =>
      at in table.slice(0, tableRows) ? [...table.slice(at * dim, (at + 1) * dim)] : Array<number>(dim).fill(0),
    );
    expect(got).toEqual(Float32Array.from(wanted));
  });

  test('embeddingGrad adds in ascending order, from zero', () => {
    const g = floats(indices.length * dim, 2);
    const wanted = new Float32Array(tableRows * dim);
    indices.forEach((at, i) => {
      for (let j = 0; j < dim; j++) wanted[at * dim + j]! += g[i * dim + j]!;
    });
    const got = run('embeddingGrad', tableRows * dim, (h, out) => [
      out,
      h.i32([...indices, -1, tableRows]),
      h.f32([...g, ...floats(2 * dim, 3)]),
      indices.length + 2,
      dim,
      tableRows,
    ]);
    expect(got).toEqual(wanted);
  });

  test('gatherLast and its gradient', () => {
    const x = floats(4 * dim, 4);
    const at = [0, dim - 1, dim >> 1, dim];
    const got = run('gatherLast', 4, (h, out) => [out, h.f32(x), h.i32(at), 4, dim, h.alloc(64), 9]);
    expect(got).toEqual(Float32Array.from(at, (j, i) => (j < dim ? x[i * dim + j]! : 0)));
    const g = floats(4, 5);
    const wanted = new Float32Array(4 * dim);
    at.forEach((j, i) => {
      if (j < dim) wanted[i * dim + j] = g[i]!;
    });
    expect(run('gatherLastGrad', 4 * dim, (h, out) => [out, h.i32(at), h.f32(g), 4, dim])).toEqual(wanted);
  });
});

describe('an index out of range is noted in the context, the first one only', () => {
  const h = createHarness();
  const words = (ctx: number): number[] => Array.from(h.readI32(ctx + 32, 5));
  const context = (): number => h.i32([1, 2, 640, ...Array<number>(61).fill(0)]);
  const table = h.f32(floats(20, 1));
  const out = h.alloc(64);

  test.each([[-1], [5], [2 ** 31 - 1], [-(2 ** 31)]])('%i', (bad) => {
    const ctx = context();
    h.call('embedding', out, table, h.i32([0, 4, bad, 77]), 4, 4, 5, ctx, 123);
    expect(words(ctx)).toEqual([1, 123, 2, bad, 640]);
    h.call('gatherLast', out, table, h.i32([0, 9, 0, 0]), 4, 5, ctx, 124);
    expect(words(ctx)).toEqual([1, 123, 2, bad, 640]);
  });

  test('gatherLast and crossEntropy note theirs', () => {
    const [gather, loss] = [context(), context()];
    h.call('gatherLast', out, table, h.i32([0, 1, 5, 0]), 4, 5, gather, 124);
    expect(words(gather)).toEqual([1, 124, 2, 5, 640]);
    h.call('crossEntropy', out, table, h.i32([-100, -100, 1, -3]), 4, 5, -100, loss, 125);
    expect(words(loss)).toEqual([1, 125, 3, -3, 640]);
  });

  test('indices in range leave it alone', () => {
    const ctx = context();
    h.call('embedding', out, table, h.i32([0, 1, 2, 4]), 4, 4, 5, ctx, 123);
    h.call('crossEntropy', out, table, h.i32([-100, 4, 1, 0]), 4, 5, -100, ctx, 125);
    expect(words(ctx)).toEqual([0, 0, 0, 0, 0]);
  });
});

describe.each(sizes)('%i indices', (n) => {
  const index = Array.from({ length: n }, (_, i) => (i % 3 === 0 ? -100 : i));

  test('replaceIndex', () => {
    const out = run('replaceIndex', n, (h, at) => [at, h.i32(index), n, -100, 4]);
    expect([...asIntegers(out)]).toEqual(index.map((i) => (i === -100 ? 4 : i)));
  });

  test('differs', () => {
    const out = run('differs', n, (h, at) => [at, h.i32(index), n, -100]);
    expect([...out]).toEqual(index.map((i) => (i === -100 ? 0 : 1)));
  });
});
