import { fileURLToPath } from 'node:url';
import { type ClusterOptions, train } from '@lockstep/coordinator';
import { expect, test } from 'vitest';
import { trainOverWorkers } from './cluster/train-over-workers.ts';

const job = fileURLToPath(new URL('work/small-gpt.ts', import.meta.url));
const local = { mode: 'local', localSteps: 50, replicas: 2 } as const;

test('mode local with rounds of 50 steps sends at most 1/40 of the bytes of sync, job and samples included', async () => {
  const bytes = async (cluster: ClusterOptions) =>
    (await trainOverWorkers({ job, steps: 50, data: undefined, cluster })).bytes;
  expect(await bytes(local)).toBeLessThan((await bytes({ mode: 'sync' })) / 40);
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
