import { beforeAll, expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// A worker that the coordinator cannot reach, and one that cannot reach its coordinator any more, say so, and end.

const folder = new UserFolder();
let job: string;
let digest: string;
const flags = (out: string) => [
  ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--lease', '1500', '--out', `${folder.path}/${out}`],
];

beforeAll(async () => {
  job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '40' }));
  const { stdout } = await lockstep(['train', job, '--threads', '1', '--json', '--out', `${folder.path}/alone`]);
  digest = (JSON.parse(stdout.trim().split('\n').at(-1) as string) as { digest: string }).digest;
});

test('nobody answers at the address of a worker: both sides say so, and without one it brings its sums', async () => {
  await using coordinator = new Coordinator(flags('unreachable'));
  const address = await coordinator.address();
  await using worker = new ClusterWorker(address, ['--name', 'w', '--advertise', '127.0.0.1:9']);
  const { message } = await coordinator.until(
    (event) => event.type === 'warning' && /cannot be reached/.test(`${event.message}`),
  );
  expect(message).toBe(
    'Worker w cannot be reached at 127.0.0.1:9 (nobody listens there: start it first, or check the port): give it --advertise HOST:PORT, or --listen none, and it brings its sums.',
  );
  while (!/dialling again/.test(worker.stderr))
    await new Promise((resolve) => worker.child.stderr?.once('data', resolve));
  expect(worker.stderr).toContain('turned away: Worker w cannot be reached at 127.0.0.1:9');
  await using other = new ClusterWorker(address, ['--name', 'other', '--listen', 'none']);
  expect(await coordinator.digest()).toBe(digest);
  expect(await other.exited).toBe(0);
  expect(coordinator.ofType('worker-joined').map(({ name, address: at }) => [name, at])).toEqual([['other', null]]);
});

test('the coordinator is killed, or the run ends while a worker is frozen: it says so, dials again, and gives up', async () => {
  await using killed = new Coordinator(flags('killed'));
  await using ended = new Coordinator([...flags('ended'), '--min-workers', '2']);
  const more = ['--give-up', '1'];
  await using left = new ClusterWorker(await killed.address(), more);
  await using frozen = new ClusterWorker(await ended.address(), ['--name', 'frozen', ...more]);
  await killed.until(({ type }) => type === 'worker-joined');
  killed.kill();
  await ended.until(({ type }) => type === 'worker-joined');
  frozen.kill('SIGSTOP');
  await ended.until(({ type }) => type === 'worker-lost');
  await using one = new ClusterWorker(await ended.address());
  await using other = new ClusterWorker(await ended.address());
  expect(await ended.digest()).toBe(digest);
  expect(await Promise.all([one.exited, other.exited])).toEqual([0, 0]);
  await ended.exited;
  frozen.kill('SIGCONT');
  for (const worker of [left, frozen]) {
    expect(await worker.exited).toBe(1);
    expect(worker.stderr).toMatch(/connection lost \(.*\); dialling again/);
    expect(worker.stderr).toMatch(
      /has had no connection to the run at 127\.0\.0\.1:\d+ for \d+ s: nobody listens there any more: the run is over, or its coordinator was killed and is to be started again with --resume\.\n/,
    );
  }
});
