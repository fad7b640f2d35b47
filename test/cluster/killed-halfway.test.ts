import { fromBinary } from '@bufbuild/protobuf';
import { PullRequestSchema } from '@lockstep/worker/messages';
import { expect, test } from 'vitest';
import { ClusterWorker, Coordinator, type Event, freePort } from '../support/cluster.ts';
import { messageProxy } from '../support/message-proxy.ts';
import { jobText, UserFolder, wideModel } from '../support/run-cli.ts';
import { expectUndisturbed } from '../support/undisturbed.ts';

// F1: a worker dies when one of its sub-trees has arrived, and another has not. Only the shards of the other are computed again.

interface Node {
  readonly lo: number;
  readonly hi: number;
}

/** The sub-tree that a call asks for. */
function nodeOf(path: string, request: Uint8Array): (Node & { readonly item: number }) | undefined {
  const piece = path.endsWith('/Pull') ? fromBinary(PullRequestSchema, request).piece?.piece : undefined;
  if (piece?.case !== 'node') return undefined;
  const { item, range } = piece.value;
  return { item, lo: range?.lo ?? 0, hi: range?.hi ?? 0 };
}

/** Joins, and dies in the first item of which it has several sub-trees, when the coordinator has one. @returns what it was killed with */
async function dieHalfway(
  coordinator: Coordinator,
  name: string,
): Promise<{ item: number; shards: number[]; lost: Event }> {
  await using stack = new AsyncDisposableStack();
  /** By item; of each item the first is answered. */
  const asked = new Map<number, Node[]>();
  const killed = Promise.withResolvers<{ item: number; held: Node[] }>();
  const ownPort = await freePort();
  const proxy = await messageProxy(ownPort, {}, 1, {
    asked(path, request) {
      const node = nodeOf(path, request);
      if (!node) return undefined;
      const nodes = [...(asked.get(node.item) ?? []), node];
      asked.set(node.item, nodes);
      return nodes.length > 1 ? new Promise(() => undefined) : undefined;
    },
    answered(path, request) {
      const { item = 0 } = nodeOf(path, request) ?? {};
      const [, ...held] = asked.get(item) ?? [];
      if (held.length === 0) return;
      victim.kill();
      killed.resolve({ item, held });
    },
  });
  stack.defer(() => proxy.close());
  const advertised = ['--listen', `127.0.0.1:${ownPort}`, '--advertise', `127.0.0.1:${proxy.port}`];
  const victim = stack.use(new ClusterWorker(await coordinator.address(), ['--name', name, ...advertised]));
  const { item, held } = await killed.promise;
  const lost = await coordinator.until((event) => event.type === 'worker-lost' && event.name === name);
  return { item, lost, shards: held.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i)) };
}

test('SIGKILL between two sub-trees costs the shards of the second, and the event says all about it', async () => {
  using folder = new UserFolder();
  const parts = { batch: '{ size: 24, shards: 7 }', steps: '1_000_000', evalEvery: '1_000_000' };
  const job = folder.write('job.ts', jobText(parts));
  const out = `${folder.path}/run`;
  await using coordinator = new Coordinator([
    job,
    '--listen',
    '127.0.0.1:0',
    '--threads',
    '0',
    '--min-workers',
    '2',
    '--out',
    out,
  ]);
  await using survivor = new ClusterWorker(await coordinator.address(), ['--name', 'survivor']);
  // Of 7 shards the second one in gets [4, 7), which are two sub-trees.
  await coordinator.until(({ type }) => type === 'worker-joined');
  let death = await dieHalfway(coordinator, 'victim-0');
  // On a busy machine the victim may have seemed late, so that the survivor had a copy of its shards already; or the coordinator had read a sum, and
  // heard of the death before it had taken it in. Then another one dies.
  const exact = ({ shards, lost }: typeof death) => String(lost.shards) === String(shards);
  for (let i = 1; i < 8 && !exact(death); i++) death = await dieHalfway(coordinator, `victim-${i}`);
  const { item: step, shards, lost } = death;
  // Items are steps here: nothing is evaluated.
  expect(lost).toMatchObject({ step, shards, reason: expect.stringMatching(/connection/), workers: 1 });
  expect(lost.recoveredMs).toBeGreaterThan(0);
  await coordinator.nextStep(2);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await survivor.exited).toBe(0);
  const steps = coordinator.ofType('step').map((event) => event.step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
  await expectUndisturbed(job, out, steps.length, digest);
});

const shardsIn = (nodes: readonly Node[]): number[] =>
  nodes.flatMap(({ lo, hi }) => Array.from({ length: hi - lo }, (_, i) => lo + i));

test('where workers own the weights, SIGKILL before anybody has the sums of one costs its shards and no others', async () => {
  using folder = new UserFolder();
  const job = folder.write(
    'job.ts',
    jobText({
      ...{ batch: '{ size: 24, shards: 7 }', steps: '1_000_000', evalEvery: '1_000_000' },
      // So large that each of three owns a slice, and everybody asks everybody.
      model: wideModel(20_000),
    }),
  );
  const out = `${folder.path}/run`;
  const flags = ['--listen', '127.0.0.1:0', '--threads', '0', '--placement', 'workers', '--min-workers', '3'];
  await using coordinator = new Coordinator([job, ...flags, '--out', out]);
  await using stack = new AsyncDisposableStack();
  const address = await coordinator.address();
  /** Who was asked for which nodes of the item in which the victim dies; items are steps here. */
  const asked = { victim: [] as Node[], others: [] as Node[] };
  const dies = Promise.withResolvers<number>();
  let armed = false;
  let item: number | undefined;
  const start = async (name: string) => {
    const ownPort = await freePort();
    const proxy = await messageProxy(ownPort, {}, 1, {
      asked(path, request) {
        const node = nodeOf(path, request);
        if (!node || !armed) return undefined;
        if (name !== 'victim') {
          // Its neighbours may be asked first: what they have they keep.
          if (item === undefined || node.item === item) asked.others.push(node);
          return undefined;
        }
        if (item === undefined)
          asked.others = asked.others.filter((other) => (other as typeof node).item === node.item);
        item ??= node.item;
        asked.victim.push(node);
        dies.resolve(item);
        return new Promise(() => undefined);
      },
    });
    stack.defer(() => proxy.close());
    const advertised = ['--listen', `127.0.0.1:${ownPort}`, '--advertise', `127.0.0.1:${proxy.port}`];
    return stack.use(new ClusterWorker(address, ['--name', name, ...advertised]));
  };
  const [victim, ...others] = await Promise.all(['victim', 'a', 'b'].map(start));
  await coordinator.nextStep(3);
  armed = true;
  const step = await dies.promise;
  const [ofVictim, ofOthers] = [shardsIn(asked.victim), shardsIn(asked.others)];
  victim?.kill();
  const lost = await coordinator.until(({ type }) => type === 'worker-lost');
  expect(lost).toMatchObject({ name: 'victim', step, reason: expect.stringMatching(/connection/), workers: 2 });
  expect(lost.recoveredMs).toBeGreaterThan(0);
  // Exactly its own: what it was asked for, and nothing of what the others have.
  const shards = lost.shards as number[];
  expect(shards).toEqual(expect.arrayContaining(ofVictim));
  expect(shards.filter((shard) => ofOthers.includes(shard))).toEqual([]);
  expect(shards).toEqual(shards.map((_, i) => (shards[0] as number) + i));
  expect(shards.length).toBeLessThan(7);
  await coordinator.nextStep(2);
  coordinator.kill('SIGTERM');
  const digest = await coordinator.digest();
  expect(await Promise.all(others.map(({ exited }) => exited))).toEqual([0, 0]);
  const steps = coordinator.ofType('step').map((event) => event.step);
  expect(steps).toEqual(steps.map((_, i) => i + 1));
  await expectUndisturbed(job, out, steps.length, digest);
});
