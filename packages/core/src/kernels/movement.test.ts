import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { asIntegers, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';

interface Copy {
  readonly shape: readonly number[];
  readonly from: readonly number[];
  readonly to: readonly number[];
}

const pad = (values: readonly number[], fill: number): number[] => [
  ...Array<number>(6 - values.length).fill(fill),
  ...values,
];
const contiguous = (shape: readonly number[]): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
const extent = (shape: readonly number[], strides: readonly number[]): number =>
  shape.reduce((sum, size, i) => sum + (size - 1) * strides[i]!, 1);

function check({ shape, from, to }: Copy): void {
  const x = floats(extent(shape, from), 1);
  const wanted = new Float32Array(extent(shape, to)).fill(777);
  const walk = (axis: number, p: number, q: number): void => {
    if (axis === shape.length) wanted[q] = x[p]!;
    else for (let i = 0; i < shape[axis]!; i++) walk(axis + 1, p + i * from[axis]!, q + i * to[axis]!);
  };
  walk(0, 0, 0);
  const got = run('stridedCopy', wanted.length, (h, out) => [
    out,
    h.f32(x),
    ...pad(shape, 1),
    ...pad(from, 0),
    ...pad(to, 0),
  ]);
  expect(got, JSON.stringify({ shape, from, to })).toEqual(wanted);
}

describe('stridedCopy', () => {
  test.each(sizes)('transposes %i columns, read by column or written by column', (n) => {
    for (const m of sizes) {
      check({ shape: [m, n], from: [1, m], to: [n, 1] });
      check({ shape: [m, n], from: [n, 1], to: [1, m] });
    }
  });

  test.each<[string, Copy]>([
    ['rows', { shape: [3, 17], from: [17, 1], to: [17, 1] }],
    ['rows with gaps', { shape: [3, 17], from: [20, 1], to: [31, 1] }],
    ['every third', { shape: [9], from: [3], to: [1] }],
    ['a broadcast column', { shape: [5, 9], from: [1, 0], to: [9, 1] }],
    ['a broadcast row', { shape: [5, 9], from: [0, 1], to: [9, 1] }],
    ['one number', { shape: [2, 3, 5], from: [0, 0, 0], to: [15, 5, 1] }],
    [
      'six dimensions turned round',
      { shape: [2, 3, 2, 5, 3, 4], from: [1, 2, 6, 12, 60, 180], to: [360, 120, 60, 12, 4, 1] },
    ],
    [
      'windows of 3 x 3 over a picture',
      { shape: [2, 5, 6, 3, 3, 1], from: [56, 8, 1, 8, 1, 1], to: contiguous([2, 5, 6, 3, 3, 1]) },
    ],
    ['nothing', { shape: [3, 0, 2], from: [2, 2, 1], to: [0, 2, 1] }],
  ])('%s', (_, copy) => {
    check(copy);
  });

  test('any permutation of any shape', () => {
    const anyCopy = fc
      .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 })
      .chain((shape) =>
        fc.tuple(
          fc.constant(shape),
          fc.shuffledSubarray(
            shape.map((_, i) => i),
            { minLength: shape.length },
          ),
        ),
      )
      .map(([shape, axes]) => {
        const strides = contiguous(shape);
        const turned = axes.map((axis) => shape[axis]!);
        return { shape: turned, from: axes.map((axis) => strides[axis]!), to: contiguous(turned) };
      });
    fc.assert(fc.property(anyCopy, check), { numRuns: 60, seed: 7 });
  });
});

describe.each(sizes)('%i elements', (n) => {
  test('fill', () => {
    expect(asIntegers(run('fill', n, (_, out) => [out, n, 0x7fabcdef]))).toEqual(new Int32Array(n).fill(0x7fabcdef));
  });

  test('literal', () => {
    const words = Array.from({ length: n }, (_, i) => i * 1000 - 5);
    expect(asIntegers(run('literal', n, (_, out) => [out, n, ...words]))).toEqual(Int32Array.from(words));
  });

  test('casts', () => {
    const bytes = Uint8Array.from({ length: n }, (_, i) => 255 - i);
    expect(run('castU8F32', n, (h, out) => [out, h.u8(bytes), n])).toEqual(Float32Array.from(bytes));
    expect(asIntegers(run('castU8I32', n, (h, out) => [out, h.u8(bytes), n]))).toEqual(Int32Array.from(bytes));
    const whole = Int32Array.from({ length: n }, (_, i) => [0, -1, 16777217, 2 ** 31 - 1, -(2 ** 31), 7][i % 6]!);
    expect(run('castI32F32', n, (h, out) => [out, h.i32(whole), n])).toEqual(Float32Array.from(whole));
    const real = Float32Array.from({ length: n }, (_, i) => [-1.9, 1.9, Number.NaN, 1e20, -Infinity, 0.5][i % 6]!);
    const wanted = Int32Array.from(real, (_, i) => [-1, 1, 0, 2 ** 31 - 1, -(2 ** 31), 0][i % 6]!);
    expect(asIntegers(run('castF32I32', n, (h, out) => [out, h.f32(real), n]))).toEqual(wanted);
  });
});
