import { describe, expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import { ones, tensor } from '../ops/index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import * as metrics from './index.ts';

// By hand. Labels in rows, predictions in columns:
//        0  1  2
//   0    3  1  0
//   1    0  1  1
//   2    2  0  4
const labels = [0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2];
const predicted = [0, 0, 0, 1, 1, 2, 0, 0, 2, 2, 2, 2];
const classes = 3;

test('confusion matrix', () => {
  expect([...metrics.confusionMatrix(predicted, labels, { classes }).counts]).toEqual([3, 1, 0, 0, 1, 1, 2, 0, 4]);
});

const { precision, recall, f1, meanIou } = metrics;

test.each<[string, typeof f1, number, number, number]>([
  // macro, micro, weighted by 4, 2 and 6 labels
  ['precision', precision, (3 / 5 + 1 / 2 + 4 / 5) / 3, 8 / 12, (4 * (3 / 5) + 2 * (1 / 2) + 6 * (4 / 5)) / 12],
  ['recall', recall, (3 / 4 + 1 / 2 + 4 / 6) / 3, 8 / 12, (3 + 1 + 4) / 12],
  ['f1', f1, (6 / 9 + 2 / 4 + 8 / 11) / 3, 16 / 24, (4 * (6 / 9) + 2 * (2 / 4) + 6 * (8 / 11)) / 12],
  ['meanIou', meanIou, (3 / 6 + 1 / 3 + 4 / 7) / 3, 8 / 16, (4 * (3 / 6) + 2 * (1 / 3) + 6 * (4 / 7)) / 12],
])('%s', (_, score, macro, micro, weighted) => {
  expect(score(predicted, labels, { classes })).toBeCloseTo(macro, 12);
  expect(score(predicted, labels, { classes, average: 'micro' })).toBeCloseTo(micro, 12);
  expect(score(predicted, labels, { classes, average: 'weighted' })).toBeCloseTo(weighted, 12);
  expect(score(predicted, labels, { classes: 7 }), 'classes that do not occur are left out').toBeCloseTo(macro, 12);
  expect(score(labels, labels, { classes })).toBe(1);
  expect(score([...predicted, 1], [...labels, 255], { classes, ignoreIndex: 255 })).toBeCloseTo(macro, 12);
  expect(score([], [], { classes }), 'of nothing').toBeNaN();
});

test('a class never predicted has precision 0, one never there recall 0', () => {
  expect(metrics.precision([0, 0], [0, 1], { classes: 2 })).toBe(0.25);
  expect(metrics.recall([0, 1], [0, 0], { classes: 2 })).toBe(0.25);
});

test('perplexity', () => {
  expect(metrics.perplexity(Math.log(17))).toBeCloseTo(17, 10);
});

describe('of rows', () => {
  const logits = tensor([
    [1, 3, 2, 0],
    [5, 5, 5, 5],
    [0, 1, 2, 3],
    [0, 1, 2, 3],
  ]);
  const of = (t: Tensor): number[] => [...(evaluateTensors([t])[0] as Float32Array)];
  const i32 = (values: number[]): Tensor => tensor(values, { dtype: 'i32' });

  test('topK counts the place of the label, equal logits in order', () => {
    const hits = (k: number) => of(metrics.topK(logits, i32([2, 2, 3, 0]), { k }).values);
    expect([1, 2, 3, 4].map(hits)).toEqual([
      [0, 0, 1, 0],
      [1, 0, 1, 0],
      [1, 1, 1, 0],
      [1, 1, 1, 1],
    ]);
    expect(hits(1)).toEqual(of(metrics.accuracy(logits, i32([2, 2, 3, 0])).values));
  });

  test('ignored labels', () => {
    for (const metric of [metrics.accuracy, metrics.topK]) {
      const { values, weights } = metric(logits, i32([1, -1, 3, 0]), { ignoreIndex: -1, k: 1 });
      expect([of(values), of(weights ?? ones([4]))]).toEqual([
        [1, 0, 1, 0],
        [1, 0, 1, 1],
      ]);
    }
  });

  test('bad use', () => {
    for (const labels of [[2, 2, 3], [2], [2, 2, 3, 0, 1]]) {
      expect(() => metrics.accuracy(logits, i32(labels))).toThrow(
        `metrics.accuracy: labels [${labels.length}] do not fit logits [4, 4]; reshape them to [4].`,
      );
    }
    for (const k of [0, 5, 1.5]) {
      expect(() => metrics.topK(logits, i32([2, 2, 3, 0]), { k })).toThrow(
        /k must be a whole number from 1 to the 4 classes/,
      );
    }
    expect(() => of(metrics.topK(logits, i32([2, 2, 4, 0]), { k: 2 }).values)).toThrow(
      /index 4 at row 2 is out of range/,
    );
  });
});

test.each([
  [() => metrics.f1([0, 1], [0], { classes }), /2 predictions for 1 labels/],
  [() => metrics.f1([0, 3], [0, 0], { classes }), /prediction 3 at 1 is not one of the 3 classes/],
  [() => metrics.f1([0, 0], [0, Number.NaN], { classes }), /label NaN at 1/],
  [() => metrics.f1([0], [0], { classes: 0 }), /classes must be a whole number of at least 1/],
  [
    () => metrics.f1([0], [0], { classes, average: 'samples' as 'macro' }),
    /average must be "macro", "micro" or "weighted"/,
  ],
])('bad use %#', (run, message) => {
  expect(run).toThrow(UsageError);
  expect(run).toThrow(message);
});
