import { maximalSubtrees } from '@lockstep/worker';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { apportion, handOut, makespan, runsOf } from './apportion.ts';

const lengths = (ranges: readonly { lo: number; hi: number }[]) => ranges.map(({ lo, hi }) => hi - lo);

test('equal workers get even sub-trees where these are as fast', () => {
  expect(apportion(16, [1, 1])).toEqual([
    { lo: 0, hi: 8 },
    { lo: 8, hi: 16 },
  ]);
  // 5, 5, 6 would be as fast, and seven nodes instead of five.
  const three = apportion(16, [1, 1, 1]);
  expect(Math.max(...lengths(three))).toBe(6);
  expect(three.flatMap(({ lo, hi }) => maximalSubtrees({ lo: 0, hi: 16 }, lo, hi))).toHaveLength(5);
});

test('speeds that jitter are taken for equal, others are not', () => {
  expect(lengths(apportion(16, [1, 1.2]))).toEqual([8, 8]);
  expect(lengths(apportion(16, [1, 3]))).toEqual([4, 12]);
  expect(lengths(apportion(16, [1, 1, 0.01]))).toEqual([8, 8, 0]);
});

test('ranges are contiguous, cover everything, and nobody could be sooner done', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 6 }),
      (shards, speeds) => {
        const ranges = apportion(shards, speeds);
        expect(ranges.map(({ lo }) => lo)).toEqual([0, ...ranges.map(({ hi }) => hi).slice(0, -1)]);
        expect(ranges.at(-1)?.hi).toBe(shards);
        const even = Math.max(...speeds) <= Math.min(...speeds) * 1.25;
        const weights = even ? speeds.map(() => 1) : speeds;
        // One shard at a time to whoever would be done first is the fastest way for independent shards.
        const greedy = weights.map(() => ({ lo: 0, hi: 0 }));
        for (let s = 0; s < shards; s++) {
          const times = greedy.map(({ hi }, i) => (hi + 1) / (weights[i] as number));
          (greedy[times.indexOf(Math.min(...times))] as { hi: number }).hi++;
        }
        expect(makespan(ranges, weights)).toBeLessThanOrEqual(makespan(greedy, weights) * (1 + 1e-9));
      },
    ),
  );
});

test('shards that are left over are spread, neighbours together', () => {
  expect(runsOf([0, 1, 2, 5, 7, 8])).toEqual([
    { lo: 0, hi: 3 },
    { lo: 5, hi: 6 },
    { lo: 7, hi: 9 },
  ]);
  expect(handOut([2, 3, 9, 10], [1, 1])).toEqual([[{ lo: 2, hi: 4 }], [{ lo: 9, hi: 11 }]]);
  expect(handOut([4], [1, 1]).flat()).toEqual([{ lo: 4, hi: 5 }]);
});
