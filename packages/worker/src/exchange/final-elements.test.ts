import { expect, test } from 'vitest';
import { FinalElements } from './final-elements.ts';

test('elements are final in any order; what touches grows together', () => {
  const final = new FinalElements(0);
  expect(final.reach(0)).toBe(0);
  final.add({ from: 60, to: 80 });
  final.add({ from: 20, to: 40 });
  expect([0, 20, 39, 40, 60, 79, 80].map((first) => final.reach(first))).toEqual([0, 40, 40, 40, 80, 80, 80]);
  final.add({ from: 40, to: 60 });
  expect(final.reach(25)).toBe(80);
  final.add({ from: 0, to: Number.POSITIVE_INFINITY });
  expect([0, 100].map((first) => final.reach(first))).toEqual([Infinity, Infinity]);
});

test('a start that is final at once', () => {
  expect(new FinalElements(50).reach(10)).toBe(50);
  expect(new FinalElements(Number.POSITIVE_INFINITY).reach(7)).toBe(Infinity);
});
