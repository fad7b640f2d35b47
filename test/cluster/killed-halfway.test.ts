import { fromBinary } from '@bufbuild/protobuf';
import { PullRequestSchema } from '@lockstep/worker/messages';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';
import { messageProxy } from '../support/message-proxy.ts';
import { jobText, UserFolder } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// F1: a worker dies when one of its sub-trees has arrived, and another has not. Only the shards of the other are computed again.

test('SIGKILL between two sub-trees costs the shards of the second, and the event says all about it', async () => {
  using folder = new UserFolder();
  const job = folder.write('job.ts', jobText({ batch: '{ size: 24, shards: 7 }', steps: '1_000_000' }));
  const out = `${folder.path}/run`;
  const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--min-workers', '2', '--out', out];
  await using coordinator = new Coordinator([job, ...flags]);
  await using stack = new AsyncDisposableStack();
  const address = await coordinator.address();
  stack.use(new ClusterWorker(address, ['--name', 'survivor']));

  /** Sub-trees that were asked for, by item; of each item the first may be answered. */
  const asked = new Map<number, { lo: number; hi: number }[]>();
  const killed = Promise.withResolvers<{ item: number; held: { lo: number; hi: number }[] }>();
  const nodeOf = (path: string, request: Uint8Array) => {
    const piece = path.endsWith('/Pull') ? fromBinary(PullRequestSchema, request).piece?.piece : undefined;
    return piece?.case === 'node'
      ? { item: piece.value.item, lo: piece.value.range?.lo ?? 0, hi: piece.value.range?.hi ?? 0 }
      : undefined;
  };
  const ownPort = await freePort();
  const proxy = await messageProxy(ownPort, {}, 1, {
    asked(path, request) {
      const node = nodeOf(path, request);
      if (!node) return undefined;
      const { item, lo, hi } = node;
      const nodes = [...(asked.get(item) ?? []), { lo, hi }];
      asked.set(item, nodes);
      return nodes.length > 1 ? new Promise(() => undefined) : undefined;
    },
    answered(path, request) {
      const node = nodeOf(path, request);
      const [, ...held] = asked.get(node?.item ?? 0) ?? [];
      if (!node || held.length === 0) return;
      victim.kill();
      killed.resolve({ item: node.item, held });
    },
  });
  stack.defer(() => proxy.close());
  const advertised = ['--listen', `127.0.0.1:${ownPort}`, '--advertise', `127.0.0.1:${proxy.port}`];
  const victim = stack.use(new ClusterWorker(address, ['--name', 'victim', ...advertised]));
  const { item, held } = await killed.promise;
  const lost = await coordinator.until(({ type }) => type === 'worker-lost');
  const shards = held.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));
  // Steps are items here: nothing is evaluated before the first of them.
  expect(lost).toMatchObject({
    name: 'victim',
    step: item,
    shards,
    reason: expect.stringMatching(/connection/),
    workers: 1,
  });
  expect(lost.recoveredMs).toBeGreaterThan(0);
  await coordinator.nextStep(2);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  const steps = coordinator.ofType('step').map(({ step }) => step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
  await expectUndisturbed(job, out, steps.length, digest);
});
