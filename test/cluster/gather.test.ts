import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// What an evaluation gathers comes from workers that nobody can reach as from others.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({
    batch: '{ size: 24, shards: 7 }',
    evalEvery: '4',
    gather: '({ model, batch }) => ({ logits: model.forward(batch.x), label: batch.label })',
    hostMetrics: '{ mean: ({ logits }) => logits.data.reduce((sum, x) => sum + x, 0) / logits.data.length }',
  }),
);

test.each([
  ['nobody can reach', ['--listen', 'none']],
  ['lets others fetch', []],
])('a worker that %s: the same evaluations as alone', async (name, more) => {
  const alone = await lockstep(['train', job, '--threads', '1', '--json', '--out', `${folder.path}/${name}-alone`]);
  const evaluations = alone.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'eval');
  await using coordinator = new Coordinator([
    ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2', '--lease', '5000'],
    ...['--out', `${folder.path}/${name}`],
  ]);
  const address = await coordinator.address();
  await using a = new ClusterWorker(address, ['--name', 'a', ...more]);
  await using b = new ClusterWorker(address, ['--name', 'b', ...more]);
  expect(await coordinator.exited).toBe(0);
  expect(await Promise.all([a.exited, b.exited])).toEqual([0, 0]);
  expect(coordinator.ofType('worker-lost')).toEqual([]);
  expect(coordinator.ofType('eval')).toEqual(evaluations);
});
