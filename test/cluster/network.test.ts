import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';
import { loopbackNetwork, namespaceNetwork, namespacesMissing } from '../support/networks.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// Processes that share nothing but a wire: each in a network namespace of its own, where the machine allows that.

const folder = new UserFolder();
const job = folder.write(
  'job.ts',
  jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', model: wideModel(8000), evalEvery: '1_000_000' }),
);
const missing = namespacesMissing();
if (missing) console.log(`No network namespaces here, so loopback is used (${missing}).`);
const networkOf = missing ? loopbackNetwork : namespaceNetwork;

// With the coordinator as owner the workers do not listen, so that they push; otherwise everybody reaches everybody, and there is no IPv4 at all.
test.each([
  ['coordinator', 'IPv4'],
  ['workers', 'IPv6'],
] as const)(
  'placement %s over %s only: a wire that is cut, that carries one way, that is narrow and loses packets',
  async (placement, family) => {
    await using network = networkOf(family, 3);
    await using stack = new AsyncDisposableStack();
    const [own, ...others] = network.hosts;
    if (!own) throw new Error('a network has hosts');
    const out = `${folder.path}/${placement}`;
    const flags = ['--listen', own.listen, '--placement', placement, '--min-workers', '2', '--lease', '1500'];
    const args = [job, ...flags, ...own.flags, '--threads', '0', '--out', out];
    await using coordinator = new Coordinator(args, { launcher: own.launcher });
    const address = await coordinator.address();
    const workers = [];
    for (const [i, { listen, flags: more, launcher }] of others.entries()) {
      const join = await network.reach(i + 1, address);
      const listening = placement === 'workers' ? ['--listen', listen] : [];
      const name = `w${i + 1}`;
      workers.push(stack.use(new ClusterWorker(join, ['--name', name, ...listening, ...more], { launcher })));
    }
    await coordinator.nextStep(2);
    for (const [host, how] of [
      [1, 'cut'],
      [2, 'mute'],
    ] as const) {
      const name = `w${host}`;
      const count = (type: string) => coordinator.ofType(type).filter((event) => event.name === name).length;
      network[how](host);
      const lost = count('worker-lost');
      await coordinator.until(() => count('worker-lost') > lost);
      expect(coordinator.ofType('worker-lost').findLast((event) => event.name === name)?.reason).toMatch(
        /silent for|connection/,
      );
      // The other one goes on meanwhile.
      await coordinator.nextStep(2);
      const joined = count('worker-joined');
      network.heal(host);
      await coordinator.until(() => count('worker-joined') > joined);
    }
    network.narrow(1, '20mbit');
    await coordinator.nextStep(3);
    coordinator.kill('SIGTERM');
    const digest = await coordinator.digest();
    expect(await coordinator.exited).toBe(130);
    expect(await Promise.all(workers.map(({ exited }) => exited))).toEqual([0, 0]);
    await expectUndisturbed(job, out, coordinator.ofType('done')[0]?.steps as number, digest);
  },
);
