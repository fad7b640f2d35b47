import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, optim, readWeights, type Tensor } from '@lockstep/core';
import { traceJob } from '@lockstep/core/internal';
import { afterAll, expect, test } from 'vitest';

// Frozen layers keep their bits whatever the optimizer does, and stay part of the model.

class Net extends nn.Module {
  body = new nn.Linear(2, 8);
  head = new nn.Linear(8, 3);

  forward(x: Tensor): Tensor {
    return this.head.forward(this.body.forward(x).tanh());
  }
}

const job = (change: (net: Net) => void, optimizer = optim.adamW({ lr: 0.05, weightDecay: 0.1 })) =>
  defineJob({
    name: 'frozen',
    seed: 3,
    data: () => ({ train: data.spirals({ perClass: 20 }) }),
    model: () => {
      const net = new Net();
      change(net);
      return net;
    },
    batch: { size: 20 },
    steps: 6,
    optimizer,
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
  });

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

test.each([
  ['adamW', optim.adamW({ lr: 0.05, weightDecay: 0.1 })],
  ['sgd', optim.sgd({ lr: 0.1, momentum: 0.9, weightDecay: 0.1 })],
])('a frozen body under %s', async (_, optimizer) => {
  const out = await mkdtemp(join(tmpdir(), 'lockstep-freeze-'));
  folders.push(out);
  const start = (await traceJob(job(() => {}))).initialParameters;
  const frozen = job((net) => void net.body.requiresGrad(false), optimizer);
  const traced = await traceJob(frozen);
  expect(traced.initialParameters, 'freezing changes no initial value').toEqual(start);
  expect(Object.keys(traced.spec.phases[0]?.program.gradients ?? {})).toEqual(['head.weight', 'head.bias']);

  const run = await train(frozen, { threads: 2, out }).done;
  const { entries } = traced.spec.layout;
  for (const { name, offset, size } of entries) {
    const before = start.subarray(offset, offset + size);
    const unchanged = expect(run.model.parameters[name], name);
    if (name.startsWith('body.')) unchanged.toEqual(before);
    else unchanged.not.toEqual(before);
  }
  const again = await train(frozen, { threads: 1 }).done;
  expect(again.digest).toBe(run.digest);

  const stored = await loadModel(out);
  expect(Object.keys(stored.parameters)).toEqual(['body.weight', 'body.bias', 'head.weight', 'head.bias']);
  expect(stored.parameters['body.weight']).toEqual(run.model.parameters['body.weight']);
  await Promise.all([stored.close(), run.model.close(), again.model.close()]);

  const weights = readWeights(join(out, 'step-000000006'));
  expect(weights['head.weight']?.data).toEqual(run.model.parameters['head.weight']);
});

test('thawed again, it is trained', async () => {
  const thawed = job((net) => void net.requiresGrad(false).requiresGrad(true));
  const plain = job(() => {});
  const results = await Promise.all([train(thawed, { threads: 1 }).done, train(plain, { threads: 1 }).done]);
  expect(results[0]?.digest).toBe(results[1]?.digest);
  await Promise.all(results.map(({ model }) => model.close()));
});

test('nothing left to train', async () => {
  await expect(traceJob(job((net) => void net.requiresGrad(false)))).rejects.toThrow(
    /Job "frozen": there is nothing to train: params takes no parameter that is not frozen/,
  );
});

test('a model that starts from the weights of another', async () => {
  const first = await train(
    job(() => {}),
    { threads: 1 },
  ).done;
  const warm = job((net) => void nn.loadWeights(net, first.model.parameters));
  const traced = await traceJob(warm);
  for (const { name, offset, size } of traced.spec.layout.entries) {
    expect(traced.initialParameters.subarray(offset, offset + size), name).toEqual(first.model.parameters[name]);
  }
  await first.model.close();
});
