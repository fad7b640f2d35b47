import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// One digest, whoever computes: real processes on loopback.

const folder = new UserFolder();
let job: string;
let expected: string;

beforeAll(async () => {
  // 7 shards: no number of workers divides them.
  job = folder.write('job.ts', jobText({ batch: '{ size: 20, shards: 7 }', steps: '20' }));
  const { stdout } = await lockstep(['train', job, '--threads', '1', '--json', '--out', `${folder.path}/alone`]);
  expected = (JSON.parse(stdout.trim().split('\n').at(-1) as string) as { digest: string }).digest;
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

describe.each(cases)('placement $placement, coordinator with $own threads, workers with $workers', (of) => {
  test('the digest is that of one thread', async () => {
    const { placement, own, workers } = of;
    const out = `${folder.path}/${placement}-${own}-${workers.join('-')}`;
    const all = workers.length + (own > 0 ? 1 : 0);
    await using coordinator = new Coordinator([
      ...[job, '--listen', '127.0.0.1:0', '--threads', String(own), '--placement', placement],
      ...['--min-workers', String(all), '--out', out],
    ]);
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const started = workers.map((threads, i) =>
      stack.use(new ClusterWorker(address, ['--name', `w${i}`, '--threads', String(threads)])),
    );
    expect(await coordinator.digest()).toBe(expected);
    expect(await coordinator.exited).toBe(0);
    expect(await Promise.all(started.map(({ exited }) => exited))).toEqual(started.map(() => 0));
    expect(coordinator.ofType('worker-joined').map(({ name }) => name)).toHaveLength(all);
    expect(coordinator.ofType('worker-lost')).toEqual([]);
    // Step for step, too.
    const journal = (dir: string) => readFileSync(`${dir}/journal.txt`, 'utf8');
    expect(journal(out)).toBe(journal(`${folder.path}/alone`));
  });
});
