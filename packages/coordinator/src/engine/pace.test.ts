import { expect, test } from 'vitest';
import { Pace } from './pace.ts';

/** A pace that sees groups of `count` answers, each step `stepMs` after the one before. */
function after(groups: readonly (readonly [count: number, stepMs: number])[], capacity = 16): Pace {
  let ms = 0;
  const pace = new Pace(capacity, () => ms);
  for (const [count, stepMs] of groups) {
    ms += count * stepMs;
    pace.answered(count);
  }
  return pace;
}

test('nothing is known at first: three slots, one answer at a time', () => {
  const pace = after([]);
  expect([pace.depth, pace.wanted(3)]).toEqual([3, 1]);
});

test('steps of microseconds fill the ring, and half of it is answered at a time', () => {
  const pace = after([[1, 0.02]]);
  expect([pace.depth, pace.wanted(16)]).toEqual([16, 8]);
});

test('the ring is never exceeded', () => {
  expect(after([[1, 0.001]], 3).depth).toBe(3);
});

test('steps of milliseconds stay close, whatever came before', () => {
  expect(
    after([
      [1, 0.02],
      [1, 1],
    ]).depth,
  ).toBe(5);
  expect(
    after([
      [1, 0.02],
      [1, 40],
    ]).depth,
  ).toBe(3);
});

test('a pause is forgotten step by step', () => {
  expect(
    after([
      [1, 40],
      [8, 0.02],
    ]).depth,
  ).toBe(3);
  expect(after([[1, 40], ...Array.from({ length: 20 }, () => [8, 0.02] as const)]).depth).toBe(16);
});

test('it asks for a breath only after some time without one', () => {
  const pace = after([[100, 0.02]]);
  expect(pace.breathless).toBe(false);
  const longer = after([[500, 0.02]]);
  expect(longer.breathless).toBe(true);
  longer.breathed();
  expect(longer.breathless).toBe(false);
});
