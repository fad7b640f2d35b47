import { fileURLToPath } from 'node:url';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { describe, expect, test } from 'vitest';

const run = (name: string, options: TrainOptions) =>
  train(fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url)), options).done;

// Each example for a few steps: the weights are the same for any number of threads.
describe.each([
  ['gnn-nodes', 20],
  ['gnn-graphs', 12],
  ['gnn-patches', 3],
  ['gnn-recommend', 6],
])('%s', (name, steps) => {
  test('one digest for 1, 2 and 3 threads, merged or not', async () => {
    const { digest } = await run(name, { steps, threads: 1 });
    for (const options of [{ threads: 2 }, { threads: 3 }, { threads: 2, mergeShards: false, widen: false }])
      expect(await run(name, { steps, ...options })).toMatchObject({ digest });
  });
});

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
