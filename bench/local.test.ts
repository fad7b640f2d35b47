import { fileURLToPath } from 'node:url';
import { type ClusterOptions, train } from '@lockstep/coordinator';
import { maximalSubtrees } from '@lockstep/worker';
import { expect, test } from 'vitest';
import { trainOverWorkers } from './cluster/train-over-workers.ts';

const job = fileURLToPath(new URL('work/small-gpt.ts', import.meta.url));
const local = { mode: 'local', localSteps: 50, replicas: 2 } as const;

test('mode local with rounds of 50 steps sends at most 1/40 of the bytes of sync, job and samples included', async () => {
  const [shards, steps] = [12, 100];
  const { bytes, parameters } = await trainOverWorkers({ job, steps, data: undefined, cluster: local });
  // What two workers send and get in a step of sync where each has half of the shards: the sums of their largest nodes, and the weights. Where one is
  // slow for a while it has fewer shards, so this is not measured here but by bench/local.ts.
  const sums = [0, 6].flatMap((from) => maximalSubtrees({ lo: 0, hi: shards }, from, from + 6)).length;
  expect(sums).toBe(4);
  expect(bytes).toBeLessThan((steps * (sums + 2) * parameters * 4) / 40);
});

test('and ends within 3 % of its loss', async () => {
  // The bits are those of any workers.
  const loss = async (cluster: ClusterOptions | undefined) => {
    const { metrics, model } = await train(job, { threads: 1, ...(cluster && { cluster }) }).done;
    await model.close();
    return metrics.loss as number;
  };
  expect(await loss(local)).toBeLessThan(1.03 * (await loss(undefined)));
});
