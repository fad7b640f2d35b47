import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { beforeAll, describe, expect, test } from 'vitest';
import { chaosProxy } from '../support/chaos-proxy.ts';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, lockstep, UserFolder } from '../support/run-cli.ts';

// Real processes on loopback: whatever dies, the journal and the digest are those of one undisturbed thread.

const folder = new UserFolder();
/** Updates of a run: `long` where a worker that is started meanwhile must still find it. */
const [short, long] = [60, 1500];
let job: string;

/** One undisturbed thread. */
const alone = new Map<number, { digest: string; journal: string }>();

beforeAll(async () => {
  job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', checkpointEvery: '10' }));
  for (const steps of [short, long]) {
    const out = `${folder.path}/alone-${steps}`;
    const args = ['train', job, '--threads', '1', '--json', '--steps', String(steps), '--out', out];
    const { stdout } = await lockstep(args);
    const { digest } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as { digest: string };
    alone.set(steps, { digest, journal: journalOf(`alone-${steps}`) });
  }
});

const journalOf = (run: string): string => readFileSync(`${folder.path}/${run}/journal.txt`, 'utf8');

async function expectUndisturbed(coordinator: Coordinator, run: string, steps = short): Promise<void> {
  const undisturbed = alone.get(steps);
  expect(await coordinator.digest()).toBe(undisturbed?.digest);
  expect(await coordinator.exited).toBe(0);
  expect(journalOf(run)).toBe(undisturbed?.journal);
}

const flags = (run: string, placement: string, steps: number, ...more: string[]): string[] => [
  ...[
    job,
    '--steps',
    String(steps),
    '--listen',
    '127.0.0.1:0',
    '--threads',
    '0',
    '--placement',
    placement,
    '--lease',
    '1500',
  ],
  ...['--out', `${folder.path}/${run}`, ...more],
];

const atStep = (coordinator: Coordinator, n: number) =>
  coordinator.until(({ type, step }) => type === 'step' && (step as number) >= n);

describe.each(['coordinator', 'workers'])('placement %s', (placement) => {
  test('SIGKILL of a worker, then another, while new ones join', async () => {
    const run = `kill-${placement}`;
    await using coordinator = new Coordinator(flags(run, placement, long, '--min-workers', '3'));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const start = (name: string) => stack.use(new ClusterWorker(address, ['--name', name]));
    const workers = ['a', 'b', 'c'].map(start);
    await atStep(coordinator, 10);
    workers[0]?.kill();
    start('d');
    await coordinator.until(({ type, name }) => type === 'worker-joined' && name === 'd');
    workers[1]?.kill();
    await expectUndisturbed(coordinator, run, long);
    const lost = coordinator.ofType('worker-lost');
    expect(lost.map(({ name }) => name)).toEqual(['a', 'b']);
    for (const { reason, shards, recoveredMs } of lost) {
      expect(reason).toMatch(/connection/);
      expect(Array.isArray(shards)).toBe(true);
      expect(recoveredMs).toBeGreaterThanOrEqual(0);
    }
  });

  test('SIGSTOP for longer than the lease, then SIGCONT', async () => {
    const run = `stop-${placement}`;
    await using coordinator = new Coordinator(flags(run, placement, short, '--min-workers', '2'));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const [, frozen] = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
    await atStep(coordinator, 10);
    frozen?.kill('SIGSTOP');
    const lost = await coordinator.until(({ type }) => type === 'worker-lost');
    expect(lost.name).toBe('b');
    expect(lost.reason).toMatch(/silent for/);
    frozen?.kill('SIGCONT');
    await expectUndisturbed(coordinator, run);
  });

  test('all workers gone for a while', async () => {
    const run = `gone-${placement}`;
    await using coordinator = new Coordinator(flags(run, placement, short, '--min-workers', '2'));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const start = (name: string) => stack.use(new ClusterWorker(address, ['--name', name]));
    const workers = ['a', 'b'].map(start);
    await atStep(coordinator, 12);
    for (const worker of workers) worker.kill();
    await coordinator.until(
      ({ type, message }) => type === 'warning' && /no worker is here|are gone/.test(`${message}`),
    );
    start('c');
    start('d');
    await expectUndisturbed(coordinator, run);
  });

  test('SIGKILL of the coordinator, and --resume: workers come back by themselves', async () => {
    const run = `resume-${placement}`;
    const first = new Coordinator(flags(run, placement, short, '--min-workers', '2'));
    const address = await first.address();
    await using stack = new AsyncDisposableStack();
    stack.use(first);
    for (const name of ['a', 'b']) stack.use(new ClusterWorker(address, ['--name', name]));
    await first.until(({ type, step }) => type === 'checkpoint' && step === 20);
    first.kill();
    await first.exited;
    const again = flags(run, placement, short, '--min-workers', '2', '--resume');
    again[again.indexOf('--listen') + 1] = address;
    await using second = new Coordinator(again);
    expect((await second.until(({ type }) => type === 'start')).fromStep).toBeGreaterThanOrEqual(20);
    await expectUndisturbed(second, run);
  });

  test('a connection that goes silent without closing', async () => {
    const run = `silent-${placement}`;
    await using coordinator = new Coordinator(flags(run, placement, short, '--min-workers', '2'));
    const address = await coordinator.address();
    const proxy = await chaosProxy(Number(address.split(':')[1]));
    await using stack = new AsyncDisposableStack();
    stack.defer(() => proxy.close());
    stack.use(new ClusterWorker(address, ['--name', 'a']));
    stack.use(new ClusterWorker(`127.0.0.1:${proxy.port}`, ['--name', 'b']));
    await atStep(coordinator, 10);
    proxy.up.silent = true;
    proxy.down.silent = true;
    expect((await coordinator.until(({ type }) => type === 'worker-lost')).name).toBe('b');
    await expectUndisturbed(coordinator, run);
  });
});

test('a worker that is told to leave finishes its shards, and nothing is computed again', async () => {
  await using coordinator = new Coordinator(flags('leave', 'coordinator', short, '--min-workers', '2'));
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  const [leaver] = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
  await atStep(coordinator, 10);
  leaver?.kill('SIGTERM');
  expect(await leaver?.exited).toBe(0);
  const lost = await coordinator.until(({ type }) => type === 'worker-lost');
  expect(lost).toMatchObject({ name: 'a', reason: 'it left', shards: [] });
  await expectUndisturbed(coordinator, 'leave');
});

test('an address where nobody answers, a name that is not known and a port in use are named, in seconds', async () => {
  await using nobody = new ClusterWorker('127.0.0.1:9', ['--wait', '1']);
  await using unknown = new ClusterWorker('no-such-host.invalid:7000', ['--wait', '1']);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using second = new Coordinator([job, '--listen', taken, '--threads', '1', '--out', `${folder.path}/taken`]);
  expect([await nobody.exited, await unknown.exited, await second.exited]).toEqual([1, 1, 2]);
  expect(nobody.stderr).toMatch(/cannot take part in the run at 127\.0\.0\.1:9/);
  expect(unknown.stderr).toMatch(
    /cannot take part in the run at no-such-host\.invalid:7000: .*(name|resolution|ENOTFOUND)/i,
  );
  expect(second.stderr).toContain(`cannot listen on ${taken}: the port is in use`);
  server.close();
});
