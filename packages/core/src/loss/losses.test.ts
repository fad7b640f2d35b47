import { describe, expect, test } from 'vitest';
import { LockstepError, ShapeError, UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { grad, ones, tensor } from '../ops/index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import * as loss from './index.ts';

// Losses that no PyTorch vector covers, against their formulas in double precision.

const of = (t: Tensor): number[] => [...(evaluateTensors([t])[0] as Float32Array)];
const i32 = (values: number[]): Tensor => tensor(values, { dtype: 'i32' });
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
/** As the engine divides. */
const value = ({ values, weights }: loss.Weighted): number =>
  of(values).reduce((a, b) => a + b, 0) / of(weights ?? ones(values.shape)).reduce((a, b) => a + b, 0);

const a = [0.5, -1.5, 2, -0.25, 1];
const b = [1, 0.5, -1, -0.25, 1.5];
const signs = [1, -1, -1, 1, 1];
const rows = [
  [0.2, -1, 0.7],
  [1.5, 0.3, -0.4],
];
const others = [
  [1, 0.1, -0.2],
  [-0.5, 0.8, 0.9],
];
const far = [
  [0.3, -0.9, 0.6],
  [2, 2, -2],
];
const logSoftmax = (row: readonly number[]): number[] => {
  const sum = row.reduce((total, x) => total + Math.exp(x), 0);
  return row.map((x) => x - Math.log(sum));
};
const dot = (x: readonly number[], y: readonly number[]): number =>
  x.reduce((sum, v, i) => sum + v * (y[i] as number), 0);
const cosine = (x: readonly number[], y: readonly number[]): number => dot(x, y) / Math.sqrt(dot(x, x) * dot(y, y));
const distance = (x: readonly number[], y: readonly number[]): number =>
  Math.sqrt(x.reduce((sum, v, i) => sum + (v - (y[i] as number) + 1e-6) ** 2, 0));
const zip = (f: (x: number, y: number) => number): number[] => a.map((x, i) => f(x, b[i] as number));
const bySign = (same: (x: number) => number, other: (x: number) => number): number[] =>
  a.map((x, i) => (signs[i] === 1 ? same(x) : other(x)));
const p = [0.9, 0.2, 0.5, 0, 1];
const t = [1, 0, 0.25, 1, 1];

test.each<[string, loss.Weighted, number]>([
  [
    'smoothL1',
    loss.smoothL1(tensor(a), tensor(b)),
    mean(zip((x, y) => (Math.abs(x - y) < 1 ? (x - y) ** 2 / 2 : Math.abs(x - y) - 0.5))),
  ],
  [
    'smoothL1 with beta',
    loss.smoothL1(tensor(a), tensor(b), { beta: 0.25 }),
    mean(zip((x, y) => (Math.abs(x - y) < 0.25 ? (x - y) ** 2 * 2 : Math.abs(x - y) - 0.125))),
  ],
  [
    'smoothL1 with beta 0 is l1',
    loss.smoothL1(tensor(a), tensor(b), { beta: 0 }),
    mean(zip((x, y) => Math.abs(x - y))),
  ],
  ['bce, -100 at the lowest', loss.bce(tensor(p), tensor(t)), mean([-Math.log(0.9), -Math.log(0.8), Math.LN2, 100, 0])],
  [
    'bce with weight',
    loss.bce(tensor(p), tensor(t), { weight: tensor([1, 2, 0, 0, 3]) }),
    mean([-Math.log(0.9), -2 * Math.log(0.8), 0, 0, 0]),
  ],
  [
    'bceWithLogits, one posWeight a column',
    loss.bceWithLogits(
      tensor(rows),
      tensor([
        [1, 0, 1],
        [0, 1, 1],
      ]),
      { posWeight: [2, 1, 0.5] },
    ),
    mean([
      2 * Math.log1p(Math.exp(-0.2)),
      Math.log1p(Math.exp(-1)),
      0.5 * Math.log1p(Math.exp(-0.7)),
      Math.log1p(Math.exp(1.5)),
      Math.log1p(Math.exp(-0.3)),
      0.5 * Math.log1p(Math.exp(0.4)),
    ]),
  ],
  [
    'nll with class weights and an ignored label',
    loss.nll(tensor(rows), i32([2, -100]), { weight: [3, 1, 2], ignoreIndex: -100 }),
    -0.7,
  ],
  ['nll with class weights', loss.nll(tensor(rows), i32([2, 0]), { weight: [3, 1, 2] }), -(2 * 0.7 + 3 * 1.5) / 5],
  [
    'crossEntropy with classes at 1',
    loss.crossEntropy(tensor([rows, others]), i32([1, 0, 1, 1, 0, 1]).reshape([2, 3]), { axis: 1 }),
    mean(
      [rows, others].flatMap((sample, s) =>
        [0, 1, 2].map(
          (c) =>
            -(logSoftmax(sample.map((row) => row[c] as number))[[1, 0, 1, 1, 0, 1][3 * s + c] as number] as number),
        ),
      ),
    ),
  ],
  [
    'crossEntropy with probabilities, weighted and smoothed',
    loss.crossEntropy(
      tensor(rows),
      tensor([
        [1, 0, 0],
        [0.5, 0.5, 0],
      ]),
      { weight: [1, 2, 3], labelSmoothing: 0.3 },
    ),
    mean(
      rows.map(
        (row, i) =>
          -dot(
            logSoftmax(row),
            [
              [0.8, 0.1, 0.1],
              [0.45, 0.45, 0.1],
            ][i]?.map((v, c) => v * (c + 1)) as number[],
          ),
      ),
    ),
  ],
  [
    'klDiv of logarithms',
    loss.klDiv(tensor(rows.map(logSoftmax)), tensor(others.map(logSoftmax)), { logTarget: true }),
    mean(
      rows.map((row, i) => {
        const q = logSoftmax(others[i] as number[]);
        return dot(
          q.map(Math.exp),
          q.map((v, c) => v - (logSoftmax(row)[c] as number)),
        );
      }),
    ),
  ],
  [
    'klDiv with a share of 0',
    loss.klDiv(tensor([logSoftmax(a)]), tensor([[0.5, 0, 0, 0.5, 0]])),
    Math.log(0.5) - ((logSoftmax(a)[0] as number) + (logSoftmax(a)[3] as number)) / 2,
  ],
  [
    'gaussianKl',
    loss.gaussianKl(tensor(rows), tensor(others)),
    mean(
      rows.map((row, i) =>
        row.reduce(
          (sum, m, c) => sum + (Math.exp(others[i]?.[c] as number) + m * m - 1 - (others[i]?.[c] as number)) / 2,
          0,
        ),
      ),
    ),
  ],
  ['hinge', loss.hinge(tensor(a), tensor(signs)), mean(a.map((x, i) => Math.max(0, 1 - x * (signs[i] as number))))],
  [
    'hinge with margin',
    loss.hinge(tensor(a), tensor(signs), { margin: 2.5 }),
    mean(a.map((x, i) => Math.max(0, 2.5 - x * (signs[i] as number)))),
  ],
  [
    'hingeEmbedding',
    loss.hingeEmbedding(tensor(a), tensor(signs)),
    mean(
      bySign(
        (x) => x,
        (x) => Math.max(0, 1 - x),
      ),
    ),
  ],
  [
    'marginRanking',
    loss.marginRanking(tensor(a), tensor(b), tensor(signs), { margin: 0.1 }),
    mean(zip((x, y) => x - y).map((d, i) => Math.max(0, 0.1 - d * (signs[i] as number)))),
  ],
  [
    'cosineEmbedding',
    loss.cosineEmbedding(tensor(rows), tensor(far), tensor([1, -1]), { margin: 0.2 }),
    mean([1 - cosine(rows[0] as number[], far[0] as number[]), cosine(rows[1] as number[], far[1] as number[]) - 0.2]),
  ],
  [
    'tripletMargin',
    loss.tripletMargin(tensor(rows), tensor(others), tensor(far)),
    mean(
      rows.map((row, i) => Math.max(0, distance(row, others[i] as number[]) - distance(row, far[i] as number[]) + 1)),
    ),
  ],
  [
    'tripletMargin with swap',
    loss.tripletMargin(tensor(rows), tensor(others), tensor(far), { swap: true, margin: 0.5 }),
    mean(
      rows.map((row, i) =>
        Math.max(
          0,
          distance(row, others[i] as number[]) -
            Math.min(distance(row, far[i] as number[]), distance(others[i] as number[], far[i] as number[])) +
            0.5,
        ),
      ),
    ),
  ],
])('%s', (_, got, expected) => {
  expect(value(got)).toBeCloseTo(expected, 5);
});

describe('slopes where formulas break', () => {
  const slope = (f: (x: Tensor) => loss.Weighted, x: Tensor): number[] => of(grad(f(x).values, [x])[0] as Tensor);

  test('bce at 0 and 1 is finite', () => {
    expect(slope((x) => loss.bce(x, tensor([0, 1, 1])), tensor([0, 1, 0.25]))).toEqual([0, 0, -4]);
    expect(slope((x) => loss.bce(x, tensor([1])), tensor([0]))[0]).toBeCloseTo(-1e12, -6);
  });

  test('the cosine of a zero vector has slope 0', () => {
    expect(
      slope((x) => loss.cosineEmbedding(x, tensor([[1, 2]]), tensor([1])), tensor([[0, 0]])).every(Number.isFinite),
    ).toBe(true);
  });

  test('the distance of equal vectors is finite', () => {
    expect(
      slope((x) => loss.tripletMargin(x, tensor([[1, 2]]), tensor([[0, 0]]), { margin: 9 }), tensor([[1, 2]])).every(
        Number.isFinite,
      ),
    ).toBe(true);
  });

  test('huber bends where it should', () => {
    expect(slope((x) => loss.huber(x, tensor([0, 0, 0]), { delta: 0.5 }), tensor([0.25, 0.5, -3]))).toEqual([
      0.25, 0.5, -0.5,
    ]);
  });
});

describe('weights', () => {
  const values = loss.mse(tensor(rows), tensor(others));
  const squares = rows.map((row, i) => row.map((x, c) => (x - (others[i]?.[c] as number)) ** 2));

  test('a mask counts in the divisor', () => {
    const masked = values.weighted(tensor([[1], [0]]));
    expect(value(masked)).toBeCloseTo(mean(squares[0] as number[]), 5);
    expect(
      value(
        values.weighted(
          tensor([
            [2, 0, 0],
            [0, 1, 0],
          ]),
        ),
      ),
    ).toBeCloseTo((2 * (squares[0]?.[0] as number) + (squares[1]?.[1] as number)) / 3, 5);
  });

  test('one value a sample: sums and means', () => {
    expect(of(values.sumPerSample().values)[1]).toBeCloseTo(
      (squares[1] as number[]).reduce((x, y) => x + y),
      5,
    );
    const each = of(
      values
        .weighted(
          tensor([
            [1, 1, 0],
            [0, 0, 0],
          ]),
        )
        .meanPerSample().values,
    );
    expect(each[0]).toBeCloseTo(mean((squares[0] as number[]).slice(0, 2)), 5);
    expect(each[1], 'a sample without weight').toBe(0);
  });

  test('terms of one value a sample add up', () => {
    const sum = values.sumPerSample().add(loss.gaussianKl(tensor(rows), tensor(others)).mul(0.5));
    expect(sum.values.shape).toEqual([2]);
    expect(() => values.add(loss.gaussianKl(tensor(rows), tensor(others)))).toThrow(/make one value a sample of each/);
  });
});

test.each<[string, () => unknown, new (...args: never[]) => Error, RegExp]>([
  [
    'shapes that differ',
    () => loss.mse(tensor(rows), tensor(a)),
    ShapeError,
    /mse: prediction \[2, 3\] and target \[5\] differ in shape/,
  ],
  [
    'a delta of 0',
    () => loss.huber(tensor(a), tensor(b), { delta: 0 }),
    UsageError,
    /huber: delta must be above 0, not 0/,
  ],
  ['a beta below 0', () => loss.smoothL1(tensor(a), tensor(b), { beta: -1 }), UsageError, /beta must be at least 0/],
  [
    'a smoothing above 1',
    () => loss.crossEntropy(tensor(rows), i32([0, 1]), { labelSmoothing: 1.5 }),
    UsageError,
    /labelSmoothing must be in \[0, 1\], not 1.5/,
  ],
  [
    'weights for other classes',
    () => loss.crossEntropy(tensor(rows), i32([0, 1]), { weight: [1, 2] }),
    UsageError,
    /2 class weights for 3 classes/,
  ],
  [
    'a weight below 0',
    () => loss.nll(tensor(rows), i32([0, 1]), { weight: [1, -2, 1] }),
    UsageError,
    /weight of class 1 is -2/,
  ],
  [
    'ignoreIndex with probabilities',
    () => loss.crossEntropy(tensor(rows), tensor(others), { ignoreIndex: 0 }),
    UsageError,
    /ignoreIndex is for labels/,
  ],
  [
    'labels of another shape',
    () => loss.crossEntropy(tensor(rows), i32([0, 1, 2]), { labelSmoothing: 0.1 }),
    ShapeError,
    /labels must have the shape of logits without/,
  ],
  [
    'a weight of another shape',
    () => loss.mse(tensor(rows), tensor(others)).weighted(tensor([[[1]], [[1]]])),
    ShapeError,
    /do not stretch to the values' shape \[2, 3\]/,
  ],
  [
    'a posWeight that is none',
    () => loss.bceWithLogits(tensor(a), tensor(t), { posWeight: Number.NaN }),
    UsageError,
    /posWeight NaN/,
  ],
])('%s', (_, run, kind, message) => {
  expect(run).toThrow(kind);
  expect(run).toThrow(message);
});

test.each<[string, () => loss.Weighted, RegExp]>([
  [
    'label NaN',
    () => loss.crossEntropy(tensor(rows), tensor([0, Number.NaN])),
    /label NaN is not a number \(element 1\)/,
  ],
  ['label 1.5', () => loss.crossEntropy(tensor(rows), tensor([1.5, 0])), /label 1.5 is not a whole number/],
  ['label out of range', () => loss.crossEntropy(tensor(rows), i32([0, 3])), /index 3 at row 1 is out of range/],
  [
    'label out of range, weighted',
    () => loss.crossEntropy(tensor(rows), i32([-1, 0]), { weight: [1, 1, 1] }),
    /index -1 at row 0 is out of range/,
  ],
  [
    'label out of range, nll',
    () => loss.nll(tensor(rows), i32([0, 3]), { ignoreIndex: -1 }),
    /index 3 at row 1 is out of range/,
  ],
  [
    'target above 1',
    () => loss.bceWithLogits(tensor(a), tensor([0, 1, 0, 1, 2])),
    /target 2 is outside of \[0, 1\] \(element 4\)/,
  ],
  ['probability above 1', () => loss.bce(tensor([1.25]), tensor([1])), /probability 1.25 is outside of \[0, 1\]/],
  ['share below 0', () => loss.klDiv(tensor([[0, 0]]), tensor([[-0.5, 1.5]])), /target -0.5 is outside of \[0, 1\]/],
  [
    'target that is no sign',
    () => loss.hinge(tensor([1, 1]), tensor([1, 0])),
    /target 0 is neither -1 nor 1 \(element 1\)/,
  ],
])('%s', (_, make, message) => {
  expect(() => value(make())).toThrow(LockstepError);
  expect(() => value(make())).toThrow(message);
});
