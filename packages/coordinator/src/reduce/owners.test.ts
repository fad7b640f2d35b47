import { expect, test } from 'vitest';
import { ownerSlices } from './owners.ts';

test('owners have whole blocks, the last one the tail', () => {
  expect(ownerSlices(4096 * 5 + 7, 2)).toEqual([
    { from: 0, to: 4096 * 3 },
    { from: 4096 * 3, to: 4096 * 5 + 7 },
  ]);
  expect(ownerSlices(100, 3)).toEqual([
    { from: 0, to: 0 },
    { from: 0, to: 0 },
    { from: 0, to: 100 },
  ]);
});
