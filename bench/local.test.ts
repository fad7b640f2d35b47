import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { trainOverWorkers } from './cluster/train-over-workers.ts';

test('mode local sends at most 1/40 of the bytes of sync, and ends within 3 % of its loss', async () => {
  const job = fileURLToPath(new URL('work/small-gpt.ts', import.meta.url));
  const common = { job, steps: 400, data: undefined };
  const sync = await trainOverWorkers({ ...common, cluster: { mode: 'sync' } });
  const local = await trainOverWorkers({ ...common, cluster: { mode: 'local', localSteps: 50, replicas: 2 } });
  expect(local.bytes).toBeLessThan(sync.bytes / 40);
  expect(local.loss).toBeLessThan(1.03 * sync.loss);
});
