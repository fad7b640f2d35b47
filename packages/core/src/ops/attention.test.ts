import { describe, expect, test } from 'vitest';
import { ShapeError, UsageError } from '../errors.ts';
import { batchDim } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import { sampleTensor } from '../testing/check-gradient.ts';
import * as ops from './index.ts';

const [q, k, v] = [sampleTensor([2, 3, 7, 5], 1), sampleTensor([2, 3, 9, 5], 2), sampleTensor([2, 3, 9, 6], 3)];
const padding = ops.tensor(
  Array.from({ length: 18 }, (_, i) => (i % 5 === 3 ? 1 : 0)),
  { shape: [2, 9], dtype: 'i32' },
);

/** Output and gradients of all three. */
function results(attend: (q: Tensor, k: Tensor, v: Tensor) => Tensor, inputs: [Tensor, Tensor, Tensor] = [q, k, v]) {
  const y = attend(...inputs);
  const weighted = y.mul(sampleTensor(y.shape as number[], 9)).sum();
  return evaluateTensors([y, ...ops.grad(weighted, inputs)]) as Float32Array[];
}

function expectSame(a: Float32Array[], b: Float32Array[]): void {
  a.forEach((values, i) => {
    values.forEach((x, at) => {
      expect(Math.abs(x - (b[i]?.[at] as number))).toBeLessThan(1e-5);
    });
  });
}

const options: [string, ops.DotProductAttentionOptions][] = [
  ['nothing hidden', {}],
  ['causal', { causal: true }],
  ['causal window', { causal: true, window: 2 }],
  ['window', { window: 1 }],
  ['padding', { keyPaddingMask: padding }],
  ['all at once, and a scale', { causal: true, window: 4, keyPaddingMask: padding, scale: 0.7 }],
];

describe.each(options)('%s', (_, option) => {
  test('the kernel and the matrix of weights agree', () => {
    expectSame(
      results((a, b, c) => ops.scaledDotProductAttention(a, b, c, option)),
      results((a, b, c) => ops.attentionWeights(a, b, option).matmul(c)),
    );
  });

  test('heads side by side are heads by themselves', () => {
    const wide = [sampleTensor([2, 4, 6], 1), sampleTensor([2, 9, 6], 2), sampleTensor([2, 9, 6], 3)] as [
      Tensor,
      Tensor,
      Tensor,
    ];
    const heads = (x: Tensor) => x.reshape([2, -1, 3, 2]).permute([0, 2, 1, 3]);
    expectSame(
      results((a, b, c) => ops.multiHeadAttention(a, b, c, 3, option), wide),
      results((a, b, c) => {
        const y = ops.attentionWeights(heads(a), heads(b), option).matmul(heads(c));
        return y.permute([0, 2, 1, 3]).reshape([2, 4, 6]);
      }, wide),
    );
  });

  test('queries, keys and values from one tensor', () => {
    const parts = [1, 2, 3].map((stream) => sampleTensor([2, 9, 6], stream)) as [Tensor, Tensor, Tensor];
    expectSame(
      results((...x) => ops.multiHeadSelfAttention(ops.concat(x, 2), 3, option), parts),
      results((a, b, c) => ops.multiHeadAttention(a, b, c, 3, option), parts),
    );
  });
});

test('a mask or a bias changes what a query sees', () => {
  const mask = ops.tensor(
    Array.from({ length: 63 }, (_, i) => (i % 3 === 0 ? 1 : 0)),
    { shape: [7, 9], dtype: 'i32' },
  );
  const hidden = ops.tensor(
    Array.from({ length: 63 }, (_, i) => (i % 3 === 0 ? 0 : -1e9)),
    { shape: [7, 9] },
  );
  expectSame(
    results((a, b, c) => ops.scaledDotProductAttention(a, b, c, { mask })),
    results((a, b, c) => ops.scaledDotProductAttention(a, b, c, { bias: hidden })),
  );
  const [weights] = evaluateTensors([ops.attentionWeights(q, k, { mask })]) as [Float32Array];
  weights.forEach((weight, i) => {
    expect(weight > 0).toBe((i % 63) % 3 === 0);
  });
});

test('a query that sees nothing gives zeros, in the kernel and in the matrix', () => {
  const nothing = ops.tensor(Array<number>(18).fill(1), { shape: [2, 9], dtype: 'i32' });
  const mask = ops.tensor(Array<number>(9).fill(0), { shape: [9], dtype: 'i32' });
  for (const option of [{ keyPaddingMask: nothing }, { mask }]) {
    for (const values of results((a, b, c) => ops.scaledDotProductAttention(a, b, c, option)))
      expect(values.every((x) => x === 0)).toBe(true);
  }
});

test('leading dimensions broadcast, and may be missing', () => {
  const one = sampleTensor([9, 5], 2);
  const [shared] = results((a, b, c) => ops.scaledDotProductAttention(a, b, c), [q, one, v]) as [Float32Array];
  const stretched = one.expand([2, 3, 9, 5]);
  const [given] = results((a, b, c) => ops.scaledDotProductAttention(a, b, c), [q, stretched, v]) as [Float32Array];
  expect(shared).toEqual(given);
  expect(ops.scaledDotProductAttention(sampleTensor([4, 5], 1), one, one).shape).toEqual([4, 5]);
});

describe('bad input', () => {
  const attend = (option: ops.DotProductAttentionOptions) => () => ops.scaledDotProductAttention(q, k, v, option);
  const i32 = (shape: number[]) =>
    ops.tensor(Array<number>(shape.reduce((a, b) => a * b, 1)).fill(1), { shape, dtype: 'i32' });

  test.each([0, -1, 1.5, Number.NaN])('a window of %d', (window) => {
    expect(attend({ window })).toThrow(UsageError);
    expect(attend({ window })).toThrow(/window must be a whole number of at least 1/);
  });

  test('masks of the wrong shape', () => {
    expect(attend({ mask: i32([9, 7]) })).toThrow(/mask \[9, 7\] does not broadcast to the weights \[2, 3, 7, 9\]/);
    expect(attend({ keyPaddingMask: i32([2, 7]) })).toThrow(/keyPaddingMask \[2, 7\] does not fit; give \[2, 9\]/);
    expect(attend({ keyPaddingMask: i32([2, 7]), mask: i32([7, 9]) })).toThrow(/keyPaddingMask \[2, 7\]/);
    expect(attend({ bias: sampleTensor([5, 9], 1) })).toThrow(/bias \[5, 9\] does not broadcast/);
  });

  test('masks of the wrong dtype', () => {
    expect(attend({ mask: sampleTensor([7, 9], 1) })).toThrow(/mask is f32, which could mean numbers to add/);
    expect(attend({ keyPaddingMask: sampleTensor([2, 9], 1) })).toThrow(/keyPaddingMask is f32/);
    expect(attend({ bias: i32([7, 9]) })).toThrow(/bias must be f32, not i32/);
  });

  test('shapes that do not fit', () => {
    expect(() => ops.scaledDotProductAttention(q, sampleTensor([2, 3, 9, 4], 1), v)).toThrow(ShapeError);
    expect(() => ops.scaledDotProductAttention(q, sampleTensor([2, 3, 9, 4], 1), v)).toThrow(
      /queries of size 5 and keys of size 4/,
    );
    expect(() => ops.scaledDotProductAttention(q, k, sampleTensor([2, 3, 8, 6], 1))).toThrow(
      /9 keys and 8 values differ/,
    );
    expect(() => ops.scaledDotProductAttention(q, sampleTensor([3, 3, 9, 5], 1), v)).toThrow(
      /do not broadcast: 2 and 3 differ \(batch and heads\)/,
    );
    expect(() => ops.scaledDotProductAttention(q, sampleTensor([3, 3, 9, 5], 1), v)).toThrow(ShapeError);
    expect(() => ops.scaledDotProductAttention(sampleTensor([5], 1), k, v)).toThrow(
      /\[5\] needs at least two dimensions/,
    );
    expect(() => ops.scaledDotProductAttention(k, q, q, { causal: true })).toThrow(
      /more queries \(9\) than keys \(7\)/,
    );
  });

  test('a number of positions that changes with the batch', () => {
    const x = ops.input('x', [batchDim(), 4], 'f32');
    expect(() => ops.scaledDotProductAttention(x, x, x)).toThrow(
      /the number of queries must be a fixed size, not batch/,
    );
  });
});
