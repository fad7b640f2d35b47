import { importJob, train } from '@lockstep/coordinator';
import { type TracedJob, traceJob } from '@lockstep/core/internal';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { golden, type JobName, jobs, steps } from './support/jobs.ts';
import { ReplicaSet, rangesOf } from './support/replicas.ts';
import tiny from './support/tiny-job.ts';

// Whatever is computed where, the weights are those of a run on one machine.

const traced = async (job: JobName, count = steps) => traceJob(await importJob(jobs[job]), { steps: count });

test.each(Object.keys(jobs) as JobName[])('%s on two replicas gives the digest of one machine', async (job) => {
  const parts = await traced(job);
  const { shards } = parts.spec.batch;
  await using set = await ReplicaSet.start(parts, [1, 2]);
  const middle = Math.ceil(shards / 3);
  const shares = [[{ lo: 0, hi: middle }], [{ lo: middle, hi: shards }]];
  for (let step = 0; step < steps; step++) await set.step(step, shares);
  expect(set.digest()).toBe(golden[job]);
});

describe.each([
  ['gpt', 2, 2],
  ['mlp', 4, 4],
  ['mixed', 4, 4],
  ['tiny', 7, 6],
] as const)('%s', (name, count, runs) => {
  let parts: TracedJob;
  let digest: string;

  beforeAll(async () => {
    const job = name === 'tiny' ? tiny : jobs[name];
    const run = train(job, { steps: count, threads: 2 });
    digest = (await run.done).digest;
    parts = name === 'tiny' ? await traceJob(tiny, { steps: count }) : await traced(name, count);
  });

  test('any shares, other ones in each step, on 1 to 5 replicas with 1 or 2 threads', async () => {
    const { shards } = parts.spec.batch;
    const owners = fc.array(fc.array(fc.nat(4), { minLength: shards, maxLength: shards }), {
      minLength: count,
      maxLength: count,
    });
    const threads = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 5 });
    const property = fc.asyncProperty(owners, threads, fc.boolean(), async (owners, threads, mergeShards) => {
      await using set = await ReplicaSet.start(parts, threads, { mergeShards, stageElements: 64 });
      for (let step = 0; step < count; step++) {
        const shares = threads.map((_, worker) =>
          rangesOf((owners[step] as number[]).map((owner) => owner % threads.length === worker)),
        );
        await set.step(step, shares);
      }
      expect(set.digest()).toBe(digest);
      expect(set.early).toBeGreaterThan(0);
    });
    await fc.assert(property, { numRuns: runs, seed: 21 });
  });
});

test('an evaluation gives the metrics of one machine, and every sample its outputs', async () => {
  const run = train(tiny, { threads: 1 });
  let metrics: Readonly<Record<string, number>> = {};
  for await (const event of run) if (event.type === 'eval') metrics = event.metrics;
  const parts = await traceJob(tiny);
  const all = [{ lo: 0, hi: 7 }];
  const evaluate = async (threads: readonly number[], shares: readonly (readonly { lo: number; hi: number }[])[]) => {
    await using set = await ReplicaSet.start(parts, threads);
    for (let step = 0; step < parts.spec.steps; step++) {
      await set.step(step, [all, ...threads.slice(1).map(() => [])]);
    }
    return await set.evaluate(shares);
  };
  const whole = await evaluate([1], [all]);
  expect(whole.metrics).toEqual({ loss: metrics.loss, accuracy: metrics.accuracy });
  const shares = [
    [
      { lo: 0, hi: 1 },
      { lo: 4, hi: 5 },
    ],
    [{ lo: 1, hi: 4 }],
    [{ lo: 5, hi: 7 }],
  ];
  expect(await evaluate([2, 1, 3], shares)).toEqual(whole);
});

test('norms, penalties and what is watched are those of one machine', async () => {
  const seen: unknown[] = [];
  for await (const event of train(tiny, { threads: 1 })) {
    if (event.type === 'layers') seen.push(event.gradientNorms);
    if (event.type === 'step') seen.push([event.gradientNorm, event.metrics.penalty, event.loss]);
  }
  const parts = await traceJob(tiny);
  const names = parts.spec.layout.entries.map(({ name }) => name);
  const told: unknown[] = [];
  await using set = await ReplicaSet.start(parts, [1, 2]);
  for (let step = 0; step < parts.spec.steps; step++) {
    const [answer] = await set.step(step, [[{ lo: 2, hi: 7 }], [{ lo: 0, hi: 2 }]]);
    const { statistics, gradientSquares, gradientNorm, penalty } = answer as NonNullable<typeof answer>;
    const [sum, weight] = statistics as unknown as [number, number];
    const norms = [...gradientSquares].map((square, i) => [names[i], Math.sqrt(square) / weight] as const);
    told.push(Object.fromEntries(norms), [gradientNorm, penalty, sum / weight]);
  }
  expect(told).toEqual(seen);
});
