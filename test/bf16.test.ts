import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { importJob, train } from '@lockstep/coordinator';
import { parameterDigest, type TracedJob, traceJob } from '@lockstep/core/internal';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { type JobName, jobs } from './support/jobs.ts';
import { trainByTheBook } from './support/oracle.ts';
import { ReplicaSet, rangesOf } from './support/replicas.ts';
import { type CliResult, jobText, lockstep, UserFolder } from './support/run-cli.ts';
import tiny from './support/tiny-job.ts';

// Gradients rounded at each leaf and node of the tree: other bits than f32, and again the same ones whatever computes them.

const reduce = 'bf16';
const steps = 6;

/** By the book, every shard alone and its own rounding, where the oracle knows the job; on one thread where it does not. */
async function expected(job: JobName): Promise<string> {
  if (job === 'mixed') return (await train(jobs[job], { steps, reduce, threads: 1 }).done).digest;
  const traced = await traceJob(await importJob(jobs[job]), { steps });
  return parameterDigest(traced.spec.layout, await trainByTheBook(traced, steps, { reduce }));
}

test.each(Object.keys(jobs) as JobName[])('%s: any threads, shards together or apart, as by the book', async (job) => {
  const wanted = await expected(job);
  const options = [
    { threads: 1 },
    { threads: 2 },
    { threads: 3 },
    { threads: 2, mergeShards: false },
    { widen: false },
  ];
  for (const option of options) {
    const { digest } = await train(jobs[job], { steps, reduce, ...option }).done;
    expect(digest, JSON.stringify(option)).toBe(wanted);
  }
  expect((await train(jobs[job], { steps }).done).digest, 'f32').not.toBe(wanted);
});

describe.each([
  ['mlp', 4, 4],
  ['mixed', 4, 4],
  ['tiny', 7, 4],
] as const)('%s', (name, count, runs) => {
  let parts: TracedJob;
  let digest: string;

  beforeAll(async () => {
    const job = name === 'tiny' ? tiny : jobs[name];
    digest = (await train(job, { steps: count, threads: 2, reduce }).done).digest;
    parts = await traceJob(typeof job === 'string' ? await importJob(job) : job, { steps: count });
  });

  test('any shares on 1 to 4 replicas with 1 or 2 threads', async () => {
    const { shards } = parts.spec.batch;
    const owners = fc.array(fc.nat(3), { minLength: shards, maxLength: shards });
    const threads = fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 1, maxLength: 4 });
    const property = fc.asyncProperty(owners, threads, fc.boolean(), async (owners, threads, mergeShards) => {
      await using set = await ReplicaSet.start(parts, threads, { mergeShards, reduce, stageElements: 64 });
      const shares = threads.map((_, worker) => rangesOf(owners.map((owner) => owner % threads.length === worker)));
      for (let step = 0; step < count; step++) await set.step(step, shares);
      expect(set.digest()).toBe(digest);
    });
    await fc.assert(property, { numRuns: runs, seed: 5 });
  });
});

test('it is part of the run: said at the start, and a run of the other kind is not gone on with', async () => {
  const out = await mkdtemp(join(tmpdir(), 'lockstep-'));
  try {
    const run = train(tiny, { threads: 1, reduce, out, stopAtStep: 4 });
    let start: unknown;
    for await (const event of run) if (event.type === 'start') start = event;
    expect(start).toMatchObject({ reduce, promise: expect.stringContaining('bfloat16') });
    const whole = await train(tiny, { threads: 1, reduce }).done;
    await expect(train(tiny, { threads: 1, out, resume: true }).done).rejects.toThrow('reduce is bf16, not f32');
    const resumed = await train(tiny, { threads: 2, reduce, out, resume: true }).done;
    expect(resumed.digest).toBe(whole.digest);
  } finally {
    await rm(out, { recursive: true });
  }
});

test('the command line keeps to it when a run is gone on with', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText({ steps: '8' }));
  const digestOf = ({ stdout }: CliResult) => (JSON.parse(stdout.trim().split('\n').at(-1) as string) as Done).digest;
  const train = (...args: string[]) => lockstep(['train', job, '--json', ...args], { cwd: folder.path });
  const whole = digestOf(await train('--reduce', 'bf16'));
  expect(whole).not.toBe(digestOf(await train()));
  await train('--reduce', 'bf16', '--out', 'parts', '--stop-at', '3');
  expect(digestOf(await train('--out', 'parts', '--resume'))).toBe(whole);
  const other = await train('--out', 'parts', '--resume', '--reduce', 'f32');
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('reduce is bf16, not f32') });
});

interface Done {
  readonly digest: string;
}
