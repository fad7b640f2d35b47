import { expect, test } from 'vitest';
import { speaksFor } from './identity.ts';

test('with certificates only a worker itself speaks for it', () => {
  const a = { role: 'worker', name: 'a' } as const;
  expect(speaksFor(a, 'a')).toBe(true);
  expect(speaksFor(a, 'b')).toBe(false);
  expect(speaksFor({ role: 'coordinator', name: '' }, 'a')).toBe(false);
  // Without certificates nobody can tell, and a number that nobody has is no name to pass for.
  expect(speaksFor(undefined, 'a')).toBe(true);
  expect(speaksFor(a, undefined)).toBe(true);
});
