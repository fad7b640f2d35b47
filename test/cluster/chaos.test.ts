import { expect, test } from 'vitest';
import { type ChaosProxy, chaosProxy, type Disturbance } from '../support/chaos-proxy.ts';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Real processes whose bytes cross proxies that do what networks do: one run goes through all of it, and its bits are those of an
// undisturbed thread.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', model: wideModel(40_000), evalEvery: '1_000_000' }),
);
const seed = Number(process.env.CHAOS_SEED ?? 20251125);

test.each(['coordinator', 'workers'])(
  'placement %s: delays, little bandwidth, flipped bits, cuts and silence',
  async (placement) => {
    console.log(`CHAOS_SEED=${seed}`);
    const out = `${folder.path}/${placement}`;
    await using coordinator = new Coordinator([
      ...[job, '--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'],
      ...['--lease', '1200', '--out', out],
    ]);
    await using stack = new AsyncDisposableStack();
    const proxied = async (port: number, salt: number): Promise<ChaosProxy> => {
      const proxy = await chaosProxy(port, { seed: seed + salt });
      stack.defer(() => proxy.close());
      return proxy;
    };
    const [ownPort, peerPort] = [await freePort(), await freePort()];
    const [toOne, toOther] = [await proxied(ownPort, 1), await proxied(peerPort, 2)];
    const address = await coordinator.address();
    const toCoordinator = await proxied(Number(address.split(':')[1]), 3);
    const start = (name: string, join: string, port: number, proxy: ChaosProxy) =>
      stack.use(
        new ClusterWorker(join, [
          ...['--name', name, '--listen', `127.0.0.1:${port}`, '--advertise', `127.0.0.1:${proxy.port}`],
        ]),
      );
    const workers = [
      start('a', `127.0.0.1:${toCoordinator.port}`, ownPort, toOne),
      start('b', address, peerPort, toOther),
    ];
    await coordinator.nextStep(3);
    const proxies = [toCoordinator, toOne, toOther];
    const directions = proxies.flatMap(({ up, down }) => [up, down]);
    const sum = (what: keyof ChaosProxy['done']) => proxies.reduce((n, { done }) => n + done[what], 0);

    /** Sets it everywhere until some steps were made under it. */
    const under = async (disturbance: Disturbance, steps: number) => {
      for (const direction of directions) Object.assign(direction, disturbance);
      await coordinator.nextStep(steps);
      for (const direction of directions) for (const name of Object.keys(disturbance)) delete direction[name as 'rate'];
    };
    await under({ delayMs: 20 }, 2);
    await under({ rate: 8_000_000 }, 1);

    // Bits of sums, weights, requests and orders.
    for (const direction of directions) direction.flips = 3;
    while (directions.some(({ flips = 0 }, i) => flips > 0 && busy(placement, i))) await coordinator.nextStep();
    for (const direction of directions) delete direction.flips;
    expect(sum('flipped')).toBeGreaterThanOrEqual(6);

    // Connections that end in the middle of a message.
    for (const how of ['resetAt', 'endAt'] as const) {
      const before = sum('broken');
      for (const { down } of proxies) down[how] = 200_000;
      while (sum('broken') < before + (placement === 'coordinator' ? 3 : 2)) await coordinator.nextStep();
      for (const { down } of proxies) delete down[how];
    }
    const ofA = (type: string) => coordinator.ofType(type).filter(({ name }) => name === 'a');
    const lostMoreThan = (n: number) => coordinator.until(() => ofA('worker-lost').length > n);
    const back = () => coordinator.until(() => ofA('worker-joined').length > ofA('worker-lost').length);
    const { length } = ofA('worker-lost');
    for (const proxy of proxies) proxy.cut();
    await lostMoreThan(length);

    // One way at a time, for longer than a lease. Up, the coordinator hears nothing; down, the worker does, and hangs up.
    for (const side of ['up', 'down'] as const) {
      await back();
      await coordinator.nextStep(1);
      const lost = ofA('worker-lost').length;
      toCoordinator[side].silent = true;
      await lostMoreThan(lost);
      expect(ofA('worker-lost').at(-1)?.reason).toMatch(side === 'up' ? /silent for/ : /connection|ended|silent for/);
      toCoordinator[side].silent = false;
    }
    await back();
    await coordinator.nextStep(3);
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    expect(await coordinator.exited).toBe(130);
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    for (const { reason, recoveredMs } of coordinator.ofType('worker-lost')) {
      expect(reason).not.toBe('');
      expect(recoveredMs).toBeGreaterThanOrEqual(0);
    }
    await expectUndisturbed(job, out, coordinator.ofType('done')[0]?.steps as number, digest);
  },
);

test.each(['coordinator', 'workers'])(
  'placement %s: 200 ms more or less by 100 on every way make a run slower, and nobody is lost',
  async (placement) => {
    const small = folder.write('small.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000' }));
    const out = `${folder.path}/slow-${placement}`;
    const cluster = ['--listen', '127.0.0.1:0', '--threads', '0', '--placement', placement, '--min-workers', '2'];
    await using coordinator = new Coordinator([small, ...cluster, '--out', out]);
    const address = await coordinator.address();
    await using stack = new AsyncDisposableStack();
    const proxies: ChaosProxy[] = [];
    const proxied = async (port: number) => {
      const proxy = await chaosProxy(port, { seed: seed + proxies.length });
      stack.defer(() => proxy.close());
      proxies.push(proxy);
      return `127.0.0.1:${proxy.port}`;
    };
    const workers = [];
    for (const name of ['a', 'b']) {
      const port = await freePort();
      const reached = ['--listen', `127.0.0.1:${port}`, '--advertise', await proxied(port)];
      const join = await proxied(Number(address.split(':')[1]));
      workers.push(stack.use(new ClusterWorker(join, ['--name', name, ...reached])));
    }
    await coordinator.nextStep();
    for (const { up, down } of proxies)
      for (const direction of [up, down]) Object.assign(direction, { delayMs: 200, jitterMs: 100 });
    await coordinator.nextStep(5);
    for (const { done } of proxies) expect(done.delayed).toBeGreaterThan(0);
    for (const { up, down } of proxies)
      for (const direction of [up, down]) Object.assign(direction, { delayMs: 0, jitterMs: 0 });
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    expect(coordinator.ofType('worker-lost')).toEqual([]);
    await expectUndisturbed(small, out, coordinator.ofType('done')[0]?.steps as number, digest);
  },
);

/** Directions that carry much: up to whom pieces are pulled from only requests go, and where workers own slices little comes from the coordinator. */
const busy = (placement: string, direction: number): boolean =>
  placement === 'coordinator' ? [1, 3, 5].includes(direction) : [3, 5].includes(direction);
