import { importJob } from '@lockstep/coordinator';
import { traceJob } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import { golden, type JobName, jobs, steps } from './support/jobs.ts';
import { ReplicaSet } from './support/replicas.ts';

// Whatever is computed where, the weights are those of a run on one machine.

const traced = async (job: JobName) => traceJob(await importJob(jobs[job]), { steps });

test.each(Object.keys(jobs) as JobName[])('%s on two replicas gives the digest of one machine', async (job) => {
  const parts = await traced(job);
  const { shards } = parts.spec.batch;
  await using set = await ReplicaSet.start(parts, [1, 2]);
  const middle = Math.ceil(shards / 3);
  const shares = [[{ lo: 0, hi: middle }], [{ lo: middle, hi: shards }]];
  for (let step = 0; step < steps; step++) await set.step(step, shares);
  expect(set.digest()).toBe(golden[job]);
});
