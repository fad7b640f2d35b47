import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { loadKernelModule, type TracedJob, traceJob } from '@lockstep/core/internal';
import { beforeAll, expect, test } from 'vitest';
import { foldTree } from '../sharding/tree.ts';
import type { ComputeRequest } from './compute-request.ts';
import { type Computed, Replica, type ReplicaOptions } from './replica.ts';

class Net extends nn.Module {
  hidden = new nn.Linear(2, 40);
  head = new nn.Linear(40, 3);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.hidden.forward(x).tanh());
  }
}

const shards = 6;
const job = defineJob({
  name: 'net',
  data: () => ({ train: data.spirals({ perClass: 8 }) }),
  model: () => new Net(),
  batch: { size: 12, shards },
  steps: 4,
  optimizer: optim.adamW({ lr: 0.02 }),
  penalties: [{ l1: 1e-3, l2: 1e-2 }],
  ema: { decay: 0.9 },
  watchEvery: 1,
  nonFinite: 'skip',
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});
const whole = [{ lo: 0, hi: shards }];
const indices = Array.from({ length: 12 }, (_, i) => i);

let traced: TracedJob;
beforeAll(async () => {
  traced = await traceJob(job);
});

async function start(options: Partial<ReplicaOptions> = {}): Promise<Replica> {
  const kernels = loadKernelModule();
  const replica = await Replica.start({ spec: traced.spec, kernels, threads: 1, limitBytes: 2 ** 28, ...options });
  await replica.load({ step: 0, parameters: traced.initialParameters, optimizer: {}, counters: {} });
  return replica;
}

const request = (ranges = whole, step = 0): ComputeRequest => ({
  ...{ kind: 'train', step, phase: 0, samples: indices.length, ranges, scalars: [] },
});

async function compute(replica: Replica, ranges = whole, step = 0) {
  await traced.host.fill('train', indices, replica.inputs(indices.length));
  const computed = await replica.compute(request(ranges, step));
  if (computed.status !== 'computed') throw new Error(computed.status);
  return computed;
}

async function steps(replica: Replica, from: number, to: number) {
  let answer: Awaited<ReturnType<Replica['update']>> | undefined;
  for (let step = from; step < to; step++) {
    const { nodes } = await compute(replica, whole, step);
    replica.reduced.set(rootOf(nodes));
    answer = await replica.update({ phase: 0, learningRates: [0.02] });
  }
  return answer as NonNullable<typeof answer>;
}

function rootOf(nodes: Extract<Computed, { status: 'computed' }>['nodes']): Float32Array {
  const arrived = new Map(nodes.map(({ lo, hi, values }) => [`${lo}-${hi}`, values]));
  return foldTree<Float32Array>(
    { lo: 0, hi: shards },
    ({ lo, hi }) => arrived.get(`${lo}-${hi}`),
    (left, right) => left.map((x, i) => Math.fround(x + (right[i] as number))),
  ) as Float32Array;
}

test('nodes are the maximal sub-trees of each range, whatever threads there are', async () => {
  await using alone = disposable(await start());
  const root = rootOf((await compute(alone.replica)).nodes).slice();
  for (const threads of [1, 2, 5]) {
    await using held = disposable(await start({ threads }));
    const first = await compute(held.replica, [
      { lo: 0, hi: 2 },
      { lo: 3, hi: 6 },
    ]);
    expect(first.nodes.map(({ lo, hi }) => [lo, hi])).toEqual([
      [0, 2],
      [3, 4],
      [4, 6],
    ]);
    const kept = first.nodes.map((node) => ({ ...node, values: node.values.slice() }));
    const second = await compute(held.replica, [{ lo: 2, hi: 3 }]);
    expect(rootOf([...kept, ...second.nodes])).toEqual(root);
  }
});

test('parts of the nodes are told as soon as they are final, last layers first', async () => {
  const { layout } = traced.spec;
  for (const threads of [1, 2, 3]) {
    await using held = disposable(await start({ threads, stageElements: 16 }));
    await traced.host.fill('train', indices, held.replica.inputs(12));
    const told: { slices: readonly { from: number; to: number }[]; was: Float32Array[] }[] = [];
    const computed = await held.replica.compute(request([{ lo: 1, hi: 6 }]), ({ nodes, slices }) => {
      told.push({ slices, was: nodes.flatMap(({ values }) => slices.map(({ from, to }) => values.slice(from, to))) });
    });
    if (computed.status !== 'computed') throw new Error(computed.status);
    for (const { slices, was } of told) {
      const now = computed.nodes.flatMap(({ values }) => slices.map(({ from, to }) => values.slice(from, to)));
      expect(now).toEqual(was);
    }
    const starts = told.map(({ slices }) => slices[0]?.from as number);
    expect(starts.length).toBeGreaterThan(0);
    const head = layout.entries.find(({ name }) => name === 'head.weight')?.offset as number;
    expect(starts[0]).toBeGreaterThanOrEqual(head);
    expect(starts).toEqual(starts.toSorted((a, b) => b - a));
  }
});

test('without ranges nothing is computed', async () => {
  await using held = disposable(await start());
  expect(await compute(held.replica, [])).toEqual({ status: 'computed', nodes: [], computeMs: 0, outputs: {} });
});

test('the reduced vector stays as it is, penalties or not, and the answer tells about it', async () => {
  await using held = disposable(await start({ threads: 2 }));
  const root = rootOf((await compute(held.replica)).nodes).slice();
  held.replica.reduced.set(root);
  const answer = await held.replica.update({ phase: 0, learningRates: [0.02] });
  expect(held.replica.reduced).toEqual(root);
  expect(Array.from(answer.statistics)).toEqual(Array.from(root.subarray(traced.spec.layout.length)));
  expect(answer).toMatchObject({ status: 0, gradientNorm: expect.any(Number) });
  expect(answer.penalty).toBeGreaterThan(0);
  expect(answer.gradientSquares.length).toBe(4);
});

test('a state goes from one replica to another, and both go on alike', async () => {
  await using first = disposable(await start({ threads: 2 }));
  await steps(first.replica, 0, 2);
  const state = first.replica.snapshot(2);
  await using second = disposable(await start());
  const digest = await second.replica.load(state);
  // The same again by live views, as a joiner fills them piece by piece.
  await using third = disposable(await start({ threads: 3 }));
  third.replica.state.parameters.set(first.replica.state.parameters);
  for (const [name, vector] of Object.entries(third.replica.state.vectors))
    vector.set(first.replica.state.vectors[name] as Float32Array);
  third.replica.state.groups.forEach((group, g) => void group.set(first.replica.state.groups[g] as Float64Array));
  expect(await third.replica.refresh()).toBe(digest);
  const digests = [];
  for (const { replica } of [first, second, third]) digests.push((await steps(replica, 2, 4)).digest);
  expect(new Set(digests).size).toBe(1);
  expect(second.replica.snapshot(4)).toEqual(first.replica.snapshot(4));
});

test('one that only computes keeps parameters and moving average, and gives the same nodes', async () => {
  await using full = disposable(await start());
  await using held = disposable(await start({ updates: false }));
  expect(Object.keys(held.replica.state.vectors)).toEqual(['ema']);
  expect(held.replica.reduced.length).toBe(0);
  expect(rootOf((await compute(held.replica)).nodes)).toEqual(rootOf((await compute(full.replica)).nodes));
});

test('a gradient that is not finite changes nothing, and the replica goes on', async () => {
  await using held = disposable(await start());
  await steps(held.replica, 0, 1);
  const before = held.replica.snapshot(1);
  held.replica.reduced.fill(Number.NaN);
  expect((await held.replica.update({ phase: 0, learningRates: [0.02] })).status).toBe(1);
  expect(held.replica.snapshot(1)).toEqual(before);
  expect((await steps(held.replica, 1, 2)).status).toBe(0);
});

test('an index out of range is told with its place', async () => {
  await using held = disposable(await start({ threads: 2 }));
  const inputs = held.replica.inputs(12);
  await traced.host.fill('train', indices, inputs);
  (inputs.label as Int32Array)[7] = 99;
  const computed = await held.replica.compute(request());
  expect(computed).toMatchObject({ status: 'badIndex', found: { value: 99 } });
});

test('the next batch is filled while one is computed', async () => {
  await using held = disposable(await start());
  await traced.host.fill('train', indices, held.replica.inputs(12));
  const computing = held.replica.compute(request());
  for (const field of Object.values(held.replica.inputs(12))) field.fill(0);
  const first = await computing;
  const root = rootOf((first as Extract<Computed, { status: 'computed' }>).nodes).slice();
  await held.replica.compute(request());
  expect(rootOf((await compute(held.replica)).nodes)).toEqual(root);
});

test('memory grows with the work and stays within its limit; less of it gives the same bits', async () => {
  await using held = disposable(await start({ threads: 3 }));
  const before = held.replica.memoryBytes;
  const root = rootOf((await compute(held.replica)).nodes).slice();
  for (let lo = 0; lo < shards; lo++) await compute(held.replica, [{ lo, hi: shards }]);
  expect(held.replica.memoryBytes).toBeGreaterThanOrEqual(before);
  await expect(start({ threads: 3, limitBytes: before - 65536 })).rejects.toThrow(
    /Job "net" needs .* MiB with 3 threads.*use fewer threads/,
  );
  await using single = disposable(await start({ mergeShards: false }));
  await compute(single.replica);
  const limitBytes = single.replica.memoryBytes;
  await using small = disposable(await start({ limitBytes }));
  expect(rootOf((await compute(small.replica)).nodes)).toEqual(root);
  expect(small.replica.memoryBytes).toBeLessThanOrEqual(limitBytes);
});

test('what the job cannot have is refused', async () => {
  await using held = disposable(await start());
  const { replica } = held;
  await expect(replica.compute({ ...request(), samples: 13 })).rejects.toThrow(
    'A batch of 13 samples cannot be computed',
  );
  await expect(replica.compute(request([{ lo: 3, hi: 7 }]))).rejects.toThrow('Shards [3, 7) cannot be computed');
  await expect(
    replica.compute(
      request([
        { lo: 2, hi: 4 },
        { lo: 3, hi: 5 },
      ]),
    ),
  ).rejects.toThrow('disjoint');
  await expect(replica.compute({ ...request(), scalars: [1] })).rejects.toThrow('"net" has 0 scalars, not 1.');
});

test('a closed replica takes no orders', async () => {
  const replica = await start();
  await replica.close();
  await expect(replica.compute(request())).rejects.toThrow('The replica was closed.');
});

const disposable = (replica: Replica) => ({ replica, [Symbol.asyncDispose]: () => replica.close() });
