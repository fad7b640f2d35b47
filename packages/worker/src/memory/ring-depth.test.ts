import { expect, test } from 'vitest';
import { ringDepth } from './ring-depth.ts';

test('small steps get a deep ring, large batches three slots', () => {
  expect(ringDepth(100)).toBe(16);
  expect(ringDepth(2 ** 16)).toBe(4);
  expect(ringDepth(2 ** 24)).toBe(3);
});
