import { expect, test } from 'vitest';
import { Lease, StallWatch } from './lease.ts';

test('silence ends a lease, a word renews it', () => {
  const lease = new Lease(1000, 0);
  expect(lease.expired(1000)).toBe(false);
  expect(lease.expired(1001)).toBe(true);
  lease.heard(900);
  expect(lease.expired(1900)).toBe(false);
  expect(lease.silentMs(1900)).toBe(1000);
});

test('own stalls do not count as silence of others', () => {
  const lease = new Lease(1000, 0);
  const watch = new StallWatch();
  expect([0, 50, 100].map((ms) => watch.observe(ms))).toEqual([0, 0, 0]);
  const stalled = watch.observe(10_100);
  expect(stalled).toBe(10_000);
  lease.excuse(stalled);
  expect(lease.expired(10_100)).toBe(false);
  expect(lease.expired(11_200)).toBe(true);
});
