import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { expect, test } from 'vitest';

// `test/examples.test.ts` compares the bits of a few steps; here the quick ones are trained to their figures.

const run = (name: string, options: TrainOptions) =>
  train(fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url)), options).done;

test('karate club: 94 % of all members from four labels, mean of three seeds', async () => {
  let sum = 0;
  for (const seed of [1, 2, 3]) sum += (await run('gnn-nodes', { seed, threads: 1 })).metrics.accuracy as number;
  expect(sum / 3).toBeGreaterThanOrEqual(0.94);
});

test('shapes of graphs are learned within a few epochs', async () => {
  const { metrics } = await run('gnn-graphs', { epochs: 8, threads: 2 });
  expect(metrics.accuracy).toBeGreaterThanOrEqual(0.9);
});

test('recommendation beats popularity', async () => {
  const { metrics } = await run('gnn-recommend', { epochs: 10, threads: 2 });
  expect(metrics.hitRate).toBeGreaterThan(1.5 * (metrics.popularHitRate as number));
  expect(metrics.ndcg).toBeGreaterThan(1.5 * (metrics.popularNdcg as number));
});
