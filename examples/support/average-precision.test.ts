import { expect, test } from 'vitest';
import { boxIou, type Detection, type Labelled, meanAveragePrecision } from './average-precision.ts';

const box = (x: number, image = 0, kind = 0): Labelled => ({ image, kind, x, y: 0, width: 2, height: 2 });
const detection = (x: number, score: number, image = 0, kind = 0): Detection => ({ ...box(x, image, kind), score });

test('overlap', () => {
  expect(boxIou(box(0), box(0))).toBe(1);
  expect(boxIou(box(0), box(1))).toBeCloseTo(1 / 3);
  expect(boxIou(box(0), box(2))).toBe(0);
  expect(boxIou({ ...box(0), width: 0 }, { ...box(0), width: 0 })).toBe(0);
});

test('all found, none found', () => {
  const boxes = [box(0), box(0, 1), box(0, 0, 1)];
  expect(
    meanAveragePrecision(
      boxes.map((b) => ({ ...b, score: 0.5 })),
      boxes,
    ),
  ).toBe(1);
  expect(meanAveragePrecision([], boxes)).toBe(0);
  // right box, wrong kind or wrong image
  expect(meanAveragePrecision([detection(0, 1, 1, 1), detection(0, 1, 2)], boxes)).toBe(0);
});

test('a box is found once, and a miss before a hit costs precision', () => {
  const boxes = [box(0), box(10)];
  expect(meanAveragePrecision([detection(0, 0.9), detection(0.1, 0.8), detection(10, 0.7)], boxes)).toBeCloseTo(
    0.5 + 0.5 * (2 / 3),
  );
  expect(meanAveragePrecision([detection(50, 0.9), detection(0, 0.8)], boxes)).toBeCloseTo(0.5 * 0.5);
});
