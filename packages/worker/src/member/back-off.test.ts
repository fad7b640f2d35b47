import { expect, test } from 'vitest';
import { BackOff } from './back-off.ts';

test('waits double up to ten seconds, with jitter downwards', () => {
  const longest = new BackOff(() => 0.999999);
  expect(Array.from({ length: 8 }, () => Math.round(longest.next()))).toEqual([
    200, 400, 800, 1600, 3200, 6400, 10_000, 10_000,
  ]);
  const shortest = new BackOff(() => 0);
  expect([shortest.next(), shortest.next()]).toEqual([100, 200]);
  shortest.reset();
  expect(shortest.next()).toBe(100);
});
