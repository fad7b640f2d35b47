import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Aggregator } from './aggregator.ts';
import { shardsOf } from './shards.ts';
import { foldTree, maximalSubtrees } from './tree.ts';

const f = Math.fround;
const value = (shard: number) => f(Math.fround(1 / (shard + 3)) * 10 ** (shard % 5));

/** All shards in one place, then the tree. */
function byTheBook(shards: number, samples: number, lo = 0, hi = shards): number | null {
  const sizes = shardsOf(samples, shards).map(({ from, to }) => to - from);
  return foldTree<number>(
    { lo, hi },
    (node) => (node.hi - node.lo > 1 ? undefined : (sizes[node.lo] as number) > 0 ? value(node.lo) : null),
    (a, b) => f(a + b),
  );
}

test('nodes of any ranges, in any order, some twice, give the sum by the tree', () => {
  const cuts = fc.array(fc.nat(24), { maxLength: 6 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 24 }),
      fc.integer({ min: 1, max: 50 }),
      cuts,
      cuts,
      fc.infiniteStream(fc.nat()),
      (shards, samples, one, two, order) => {
        const nodesOf = (at: readonly number[]) => {
          const ends = [...new Set([0, ...at.filter((cut) => cut < shards), shards])].sort((a, b) => a - b);
          return ends.slice(1).flatMap((to, i) => maximalSubtrees({ lo: 0, hi: shards }, ends[i] as number, to));
        };
        const nodes = [...nodesOf(one), ...nodesOf(two)];
        const shuffled = nodes
          .map((node) => ({ node, key: order.next().value as number }))
          .sort((a, b) => a.key - b.key);
        const aggregator = new Aggregator(shards, samples);
        for (const { node } of shuffled) {
          const sum = byTheBook(shards, samples, node.lo, node.hi);
          if (sum !== null) expect(aggregator.add(node, Float32Array.of(sum), String(sum))).not.toBe('different');
        }
        expect(aggregator.root?.[0]).toBe(byTheBook(shards, samples));
      },
    ),
  );
});

test('the same node with other bytes is noticed', () => {
  const aggregator = new Aggregator(4, 4);
  expect(aggregator.add({ lo: 0, hi: 2 }, Float32Array.of(1), 'a')).toBe('added');
  expect(aggregator.add({ lo: 0, hi: 2 }, Float32Array.of(1), 'a')).toBe('repeated');
  expect(aggregator.add({ lo: 0, hi: 2 }, Float32Array.of(2), 'b')).toBe('different');
  expect(aggregator.add({ lo: 0, hi: 1 }, Float32Array.of(1), 'c')).toBe('repeated');
  expect(aggregator.root).toBeUndefined();
  aggregator.add({ lo: 2, hi: 4 }, Float32Array.of(5), 'd');
  expect(aggregator.root).toEqual(Float32Array.of(6));
});
