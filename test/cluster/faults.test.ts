import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { chaosProxy } from '../support/chaos-proxy.ts';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Real processes on loopback: whatever dies, the journal and the digest are those of one undisturbed thread. One run goes through all of it.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', checkpointEvery: '10' }),
);

const flags = (run: string, ...more: string[]): string[] => [
  ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--lease', '1500'],
  ...['--out', `${folder.path}/${run}`, ...more],
];

/** Ends it at a step, and compares. */
async function expectSameBits(coordinator: Coordinator, run: string): Promise<void> {
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await coordinator.exited).toBe(130);
  await expectUndisturbed(job, `${folder.path}/${run}`, coordinator.ofType('done')[0]?.steps as number, digest);
}

describe.each(['coordinator', 'workers'])('placement %s', (placement) => {
  test('SIGKILL, SIGSTOP for longer than the lease and SIGCONT, a connection that goes silent, all workers gone', async () => {
    await using coordinator = new Coordinator(flags(placement, '--placement', placement, '--min-workers', '3'));
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const start = (name: string, join = address) => stack.use(new ClusterWorker(join, ['--name', name]));
    const proxy = await chaosProxy(Number(address.split(':')[1]));
    stack.defer(() => proxy.close());
    const [a, b, c] = [start('a'), start('b'), start('c', `127.0.0.1:${proxy.port}`)];
    const lost = (name: string) => coordinator.until((event) => event.type === 'worker-lost' && event.name === name);
    await coordinator.nextStep(8);

    a.kill();
    const d = start('d');
    await coordinator.until(({ type, name }) => type === 'worker-joined' && name === 'd');
    expect((await lost('a')).reason).toMatch(/connection/);

    b.kill('SIGSTOP');
    expect((await lost('b')).reason).toMatch(/silent for/);
    b.kill('SIGCONT');
    await coordinator.until(() => coordinator.ofType('worker-joined').filter(({ name }) => name === 'b').length >= 2);

    proxy.up.silent = true;
    proxy.down.silent = true;
    expect((await lost('c')).reason).toMatch(/silent for/);
    await coordinator.nextStep();

    const { length } = coordinator.ofType('warning');
    for (const worker of [b, c, d]) worker.kill();
    await coordinator.until(() =>
      coordinator
        .ofType('warning')
        .slice(length)
        .some(({ message }) => /no worker is here|are gone/.test(`${message}`)),
    );
    start('e');
    await coordinator.until(({ type, name }) => type === 'worker-joined' && name === 'e');
    // With workers as owners it goes back to its last checkpoint; then it is past where it was.
    const reached = Math.max(...coordinator.ofType('step').map(({ step }) => step as number));
    await coordinator.until(({ type, step }) => type === 'step' && (step as number) > reached + 1);
    for (const { shards, recoveredMs } of coordinator.ofType('worker-lost')) {
      expect(Array.isArray(shards)).toBe(true);
      expect(recoveredMs).toBeGreaterThanOrEqual(0);
    }
    await expectSameBits(coordinator, placement);
  });
});

test('a worker that is told to leave finishes its shards, and nothing is computed again', async () => {
  await using coordinator = new Coordinator(flags('leave', '--min-workers', '2'));
  const address = await coordinator.address();
  await using stack = new AsyncDisposableStack();
  const [leaver] = ['a', 'b'].map((name) => stack.use(new ClusterWorker(address, ['--name', name])));
  await coordinator.nextStep(8);
  leaver?.kill('SIGTERM');
  expect(await leaver?.exited).toBe(0);
  const lost = await coordinator.until(({ type }) => type === 'worker-lost');
  expect(lost).toMatchObject({ name: 'a', reason: 'it left', shards: [] });
  await coordinator.nextStep(2);
  await expectSameBits(coordinator, 'leave');
});

test('a second SIGTERM ends a worker at once, whatever it computes', async () => {
  await using coordinator = new Coordinator(flags('twice'));
  const script = fileURLToPath(new URL('../support/faulty-worker.ts', import.meta.url));
  const address = await coordinator.address();
  await using worker = new ClusterWorker(address, ['--name', 'stuck'], { script, env: { FAULT: 'stuck' } });
  const says = async (text: string) => {
    while (!worker.stderr.includes(text)) await once(worker.child.stderr as Readable, 'data');
  };
  await says('computing');
  worker.kill('SIGTERM');
  await says('once more stops at once');
  worker.kill('SIGTERM');
  expect(await worker.exited).toBe(130);
  await using next = new ClusterWorker(address, ['--name', 'next']);
  expect((await coordinator.until(({ type }) => type === 'worker-lost')).shards).toEqual([0, 1, 2, 3, 4, 5, 6]);
  await coordinator.nextStep(2);
  await expectSameBits(coordinator, 'twice');
  expect(await next.exited).toBe(0);
});

test('the last worker that holds the state leaves: the coordinator takes a copy, and no step is computed again', async () => {
  await using coordinator = new Coordinator(flags('last', '--placement', 'workers'));
  const address = await coordinator.address();
  await using last = new ClusterWorker(address, ['--name', 'last']);
  await coordinator.nextStep(14);
  last.kill('SIGTERM');
  expect(await last.exited).toBe(0);
  await using next = new ClusterWorker(address, ['--name', 'next']);
  await coordinator.until(({ type, name }) => type === 'worker-joined' && name === 'next');
  await coordinator.nextStep(2);
  expect(coordinator.ofType('warning').filter(({ message }) => /Going on from/.test(`${message}`))).toEqual([]);
  await expectSameBits(coordinator, 'last');
  expect(await next.exited).toBe(0);
  const steps = coordinator.ofType('step').map(({ step }) => step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
});

test('an address where nobody answers, a name that is not known and a port in use are named, in seconds', async () => {
  await using nobody = new ClusterWorker('127.0.0.1:9', ['--wait', '1']);
  await using unknown = new ClusterWorker('no-such-host.invalid:7000', ['--wait', '1']);
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const taken = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await using second = new Coordinator([job, '--listen', taken, '--threads', '1', '--out', `${folder.path}/taken`]);
  expect([await nobody.exited, await unknown.exited, await second.exited]).toEqual([1, 1, 2]);
  expect(nobody.stderr).toBe(
    'lockstep: This worker cannot take part in the run at 127.0.0.1:9: nobody listens there: start it first, or check the port.\n',
  );
  expect(unknown.stderr).toMatch(
    /cannot take part in the run at no-such-host\.invalid:7000: the name .*write an IP address\.\n$/,
  );
  expect(second.stderr).toContain(`cannot listen on ${taken}: the port is in use`);
  server.close();
});
