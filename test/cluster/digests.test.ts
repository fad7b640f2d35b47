import { readFileSync } from 'node:fs';
import { train } from '@lockstep/coordinator';
import { runWorker } from '@lockstep/worker';
import { beforeAll, describe, expect, test } from 'vitest';
import { jobText, UserFolder } from '../support/run-cli.ts';

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

const worker = (name: string, threads: number, join: string): Promise<string> =>
  runWorker({
    ...{ name, threads, join, security: {}, insecure: false, widen: true },
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
