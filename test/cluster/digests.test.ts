import { readFileSync } from 'node:fs';
import { train } from '@lockstep/coordinator';
import { runWorker } from '@lockstep/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';

// One digest, whoever computes: gRPC workers on loopback, in the process of the test (those of other tests are processes of their own).

const folder = new UserFolder();
let job: string;
let expected: string;

beforeAll(async () => {
  // 7 shards: no number of workers divides them.
  job = folder.write('job.ts', jobText({ batch: '{ size: 20, shards: 7 }', steps: '20' }));
  const { digest, model } = await train(job, { threads: 1, out: `${folder.path}/alone` }).done;
  await model.close();
  expected = digest;
});

interface Case {
  readonly placement: 'coordinator' | 'workers';
  readonly own: number;
  readonly workers: readonly number[];
}

const cases: Case[] = (['coordinator', 'workers'] as const).flatMap((placement) => [
  { placement, own: 0, workers: [1] },
  { placement, own: 0, workers: [1, 2] },
  { placement, own: 2, workers: [1] },
  { placement, own: 0, workers: [2, 1, 1] },
  { placement, own: 0, workers: [1, 1, 1, 1, 1] },
]);

const worker = (name: string, threads: number, join: string, listen?: string): Promise<string> =>
  runWorker({
    ...{ name, threads, join, listen, security: {}, insecure: false, widen: true },
    memoryLimitBytes: 2 ** 31,
    firstContactMs: 10_000,
    say: () => undefined,
    signal: new AbortController().signal,
  });

describe.each(cases)('placement $placement, coordinator with $own threads, workers with $workers', (of) => {
  test('the digest is that of one thread', async () => {
    const { placement, own, workers } = of;
    const out = `${folder.path}/${placement}-${own}-${workers.join('-')}`;
    const all = workers.length + (own > 0 ? 1 : 0);
    const cluster = { listen: '127.0.0.1:0', minWorkers: all, placement };
    await using run = train(job, { threads: own, out, cluster });
    const started: Promise<string>[] = [];
    const counts = { 'worker-joined': 0, 'worker-lost': 0 };
    for await (const event of run) {
      if (event.type === 'start')
        started.push(...workers.map((threads, i) => worker(`w${i}`, threads, event.address as string)));
      if (event.type === 'worker-joined' || event.type === 'worker-lost') counts[event.type]++;
    }
    const { digest, model } = await run.done;
    await model.close();
    expect(digest).toBe(expected);
    expect(await Promise.all(started)).toEqual(started.map(() => expect.stringMatching(/^The run has ended/)));
    expect(counts).toEqual({ 'worker-joined': all, 'worker-lost': 0 });
    // Step for step, too.
    const journal = (dir: string) => readFileSync(`${dir}/journal.txt`, 'utf8');
    expect(journal(out)).toBe(journal(`${folder.path}/alone`));
  });
});

test('bf16, placement coordinator: one worker pushes its sums, from another one they are pulled; the digest is that of one process with bf16', async () => {
  // Sums of several chunks.
  const parts = { batch: '{ size: 20, shards: 7 }', steps: '6', model: wideModel(60_000), evalEvery: '1_000_000' };
  const wide = folder.write('wide.ts', jobText(parts));
  const alone = async (reduce: 'f32' | 'bf16') => {
    const { digest, model } = await train(wide, { threads: 1, reduce, out: `${folder.path}/alone-${reduce}` }).done;
    await model.close();
    return digest;
  };
  const rounded = await alone('bf16');
  expect(rounded).not.toBe(await alone('f32'));
  const out = `${folder.path}/bf16`;
  const cluster = { listen: '127.0.0.1:0', minWorkers: 2, placement: 'coordinator' } as const;
  await using run = train(wide, { threads: 0, reduce: 'bf16', out, cluster });
  const started: Promise<string>[] = [];
  const addresses: unknown[] = [];
  for await (const event of run) {
    const [pusher, puller] = ['none', undefined];
    if (event.type === 'start')
      started.push(...[pusher, puller].map((listen, i) => worker(`w${i}`, 1, event.address as string, listen)));
    if (event.type === 'worker-joined') addresses.push(event.address);
  }
  const { digest, model } = await run.done;
  await model.close();
  await Promise.all(started);
  expect(addresses).toContain(null);
  expect(addresses).toContainEqual(expect.stringMatching(/^127\.0\.0\.1:/));
  expect(digest).toBe(rounded);
  const journal = (dir: string) => readFileSync(`${dir}/journal.txt`, 'utf8');
  expect(journal(out)).toBe(journal(`${folder.path}/alone-bf16`));
});
