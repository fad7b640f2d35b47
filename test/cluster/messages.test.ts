import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';
import { type MessageProxy, messageProxy } from '../support/message-proxy.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Real processes whose gRPC messages come twice, again, late and in another order, and whose calls are made again when they are over.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', model: wideModel(12_000), evalEvery: '1_000_000' }),
);
const seed = Number(process.env.CHAOS_SEED ?? 20251125);

test.each(['coordinator', 'workers'])(
  'placement %s: messages and calls that are doubled, replayed and reordered',
  async (placement) => {
    console.log(`CHAOS_SEED=${seed}`);
    const out = `${folder.path}/${placement}`;
    await using coordinator = new Coordinator([
      ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'],
      ...['--out', out],
    ]);
    await using stack = new AsyncDisposableStack();
    const proxied = async (port: number, salt: number): Promise<MessageProxy> => {
      const proxy = await messageProxy(port, { twice: 0.2, again: 0.2, delayMs: 5, replay: 0.2 }, seed + salt);
      stack.defer(() => proxy.close());
      return proxy;
    };
    const [portA, portB] = [await freePort(), await freePort()];
    const [toA, toB] = [await proxied(portA, 1), await proxied(portB, 2)];
    const toCoordinator = await proxied(Number((await coordinator.address()).split(':')[1]), 3);
    const start = (name: string, port: number, proxy: MessageProxy) =>
      stack.use(
        new ClusterWorker(`127.0.0.1:${toCoordinator.port}`, [
          ...['--name', name, '--listen', `127.0.0.1:${port}`, '--advertise', `127.0.0.1:${proxy.port}`],
        ]),
      );
    const workers = [start('a', portA, toA), start('b', portB, toB)];
    const all = [toCoordinator, toA, toB];
    const sum = (what: keyof MessageProxy['done']) => all.reduce((n, { done }) => n + done[what], 0);
    while ((['twice', 'again', 'replay'] as const).some((what) => sum(what) < 6)) await coordinator.nextStep();
    // None of it is anybody's fault.
    expect(coordinator.ofType('worker-lost')).toEqual([]);

    // Somebody says what a worker said when it joined: the same worker, as it seems, over a new connection. It does nothing, and the real one comes back.
    for (const { chaos } of all) Object.assign(chaos, { twice: 0, again: 0, replay: 0 });
    await toCoordinator.replaySession(2, 2);
    await coordinator.until(
      ({ type, reason }) => type === 'worker-lost' && reason === 'it came again over a new connection',
    );
    await coordinator.until(() => coordinator.ofType('worker-lost').length === 2);
    await coordinator.until(() => coordinator.ofType('worker-joined').length === 4);
    await coordinator.nextStep(2);
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    const [done] = coordinator.ofType('done');
    // Counted, by the coordinator of what came to it.
    expect(done?.refused).toMatchObject({ STALE: expect.any(Number) });
    await expectUndisturbed(job, out, done?.steps as number, digest);
  },
);
