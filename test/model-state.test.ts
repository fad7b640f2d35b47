import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadModel, type RunEvent, type TrainOptions, train } from '@lockstep/coordinator';
import { type AnyJob, data, defineJob, loss, nn, ops, optim, type Tensor } from '@lockstep/core';
import { afterEach, beforeEach, expect, test } from 'vitest';

// What a run keeps beside the weights: buffers, the moving average, the count of early stopping; and what it tells about layers.

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'lockstep-state-'));
});
afterEach(() => rm(dir, { recursive: true }));

const f = Math.fround;
const samples = 10;
const x = Float32Array.from({ length: samples * 2 }, (_, i) => ((i * 7) % 11) / 4 - 1);
const y = Float32Array.from({ length: samples }, (_, i) => (x[2 * i] as number) - 2 * (x[2 * i + 1] as number));
const source = () => data.arrays({ x: { data: x, shape: [samples, 2] }, y: { data: y, shape: [samples, 1] } });

/** Subtracts the running mean of what it has seen. */
class Centre extends nn.Module {
  override readonly mixesSamples = true;
  mean = new nn.Buffer([2], nn.init.zeros);
  forward(input: Tensor): Tensor {
    this.mean.update(ops.sum(input, 0), ops.ones([input.shape[0] as number]), 0.25);
    return ops.sub(input, this.mean);
  }
}

class Net extends nn.Module {
  centre = new Centre();
  linear = new nn.Linear(2, 1);
  forward(input: Tensor): Tensor {
    return this.linear.forward(this.centre.forward(input));
  }
}

function job(options: object = {}): AnyJob {
  return defineJob({
    name: 'state',
    data: () => ({ train: source(), test: source() }),
    model: () => new Net(),
    batch: { size: 5, shards: 2 },
    steps: 6,
    optimizer: optim.sgd({ lr: 0.05 }),
    step: ({ model, batch }: { model: Net; batch: { x: Tensor; y: Tensor } }) => ({
      loss: loss.mse(model.forward(batch.x), batch.y),
    }),
    ...options,
  } as never) as AnyJob;
}

async function run(options: object = {}, how: TrainOptions = {}) {
  const started = train(job(options), { threads: 1, ...how });
  const events: RunEvent[] = [];
  for await (const event of started) events.push(event);
  const result = await started.done;
  await result.model.close();
  return { ...result, events };
}

test('a buffer moves once a step by the mean over all shards, and belongs to the digest', async () => {
  const { model, digest } = await run({ epochs: 1, steps: undefined, batch: { size: samples, shards: 3 } });
  const mean = [0, 1].map((k) => x.reduce((sum, value, i) => (i % 2 === k ? sum + value : sum), 0) / samples);
  expect(model.parameters['centre.mean']).toHaveLength(2);
  model.parameters['centre.mean']?.forEach((value, k) => {
    expect(value).toBeCloseTo(0.25 * (mean[k] as number), 6);
  });
  for (const threads of [2, 3]) {
    const other = await run({ epochs: 1, steps: undefined, batch: { size: samples, shards: 3 } }, { threads });
    expect(other.digest).toBe(digest);
  }
});

test('a model that normalises over its shard gets large shards, and a warning where they are small', async () => {
  const shardsOf = (events: readonly RunEvent[]) => events.find((event) => event.type === 'start')?.batch.shards;
  const free = await run({ batch: { size: 5 } });
  expect(shardsOf(free.events)).toBe(1);
  const { events } = await run();
  expect(events).toContainEqual(
    expect.objectContaining({ type: 'warning', message: expect.stringContaining('Shards of 2 samples are few') }),
  );
});

test('the moving average of the weights is what is evaluated, predicted with and started from', async () => {
  const decay = 0.75;
  const states: { weight: number; mean: number }[] = [];
  for (let steps = 0; steps <= 3; steps++) {
    const { model } = await run({ steps: Math.max(1, steps) }, { stopAtStep: steps });
    states.push({
      weight: model.parameters['linear.weight']?.[0] as number,
      mean: model.parameters['centre.mean']?.[0] as number,
    });
  }
  let average = states[0]?.weight as number;
  for (const { weight } of states.slice(1)) average = f(f(decay * average) + f((1 - decay) * weight));

  const averaged = await run({ steps: 3, ema: { decay } }, { out: dir });
  expect(averaged.model.parameters['linear.weight']?.[0]).toBe(average);
  expect(averaged.model.parameters['centre.mean']?.[0], 'buffers are copied').toBe(states[3]?.mean);
  const plain = await run({ steps: 3 });
  expect(averaged.digest, 'training itself is not changed').toBe(plain.digest);
  expect(averaged.metrics.loss).not.toBe(plain.metrics.loss);

  const loaded = await loadModel(dir);
  expect(loaded.parameters).toEqual(averaged.model.parameters);
  await loaded.close();
  const again = await run({ steps: 3 }, { initialWeights: dir, evaluateOnly: true });
  expect(again.metrics).toEqual(averaged.metrics);
});

test('the moving average is the same for any threads and after a resume', async () => {
  const options = { ema: { decay: 0.9 } };
  const whole = await run(options);
  await run(options, { out: dir, threads: 2, stopAtStep: 3 });
  const resumed = await run(options, { out: dir, resume: true, threads: 3 });
  expect(resumed.model.parameters).toEqual(whole.model.parameters);
  expect(resumed.digest).toBe(whole.digest);
});

test('layers are told: norms of gradients, mean and deviation of outputs', async () => {
  const options = { steps: 4, watchEvery: 2, batch: { size: samples, shards: 3 }, clipNorm: 1e6 };
  const { events, digest } = await run(options);
  const layers = events.filter((event) => event.type === 'layers');
  expect(layers.map(({ step }) => step)).toEqual([2, 4]);
  const steps = events.filter((event) => event.type === 'step');
  const [second] = layers;
  const norms = second?.gradientNorms ?? {};
  expect(Object.keys(norms)).toEqual(['linear.weight', 'linear.bias']);
  expect(Math.hypot(...Object.values(norms))).toBeCloseTo(steps[1]?.gradientNorm as number, 12);

  const before = await run({ ...options, watchEvery: 0 }, { stopAtStep: 1 });
  const p = before.model.parameters;
  const centred = Array.from(x, (value, i) => value - (p['centre.mean']?.[i % 2] as number));
  const mean = centred.reduce((a, b) => a + b) / centred.length;
  const std = Math.sqrt(centred.reduce((sum, value) => sum + (value - mean) ** 2, 0) / centred.length);
  expect(Object.keys(second?.activations ?? {})).toEqual(['centre', 'linear', 'model']);
  expect(second?.activations.centre?.mean).toBeCloseTo(mean, 5);
  expect(second?.activations.centre?.std).toBeCloseTo(std, 5);

  const other = await run(options, { threads: 3 });
  expect(other.events.filter((event) => event.type === 'layers')).toEqual(layers);
  expect((await run({ ...options, watchEvery: 0 })).digest, 'watching changes nothing').toBe(digest);
});

test('early stopping ends at the same step and bits for any threads, and after a resume', async () => {
  const options = {
    steps: 40,
    evalEvery: 2,
    optimizer: optim.sgd({ lr: (step: number) => (step < 8 ? 0.05 : 0.8) }),
    earlyStopping: { patience: 3 },
  };
  const { steps, digest, interrupted, events } = await run(options);
  expect(events.at(-1)).toMatchObject({ type: 'done', stoppedEarly: true });
  expect(interrupted).toBe(false);
  expect(steps).toBeLessThan(40);
  const losses = events.filter((event) => event.type === 'eval').map(({ metrics }) => metrics.loss as number);
  const best = losses.indexOf(Math.min(...losses));
  expect(losses.length - 1 - best).toBe(3);
  expect(await run(options, { threads: 3 })).toMatchObject({ steps, digest });

  await run(options, { out: dir, stopAtStep: steps - 1 });
  const resumed = await run(options, { out: dir, resume: true, threads: 2 });
  expect(resumed).toMatchObject({ steps, digest, interrupted: false });
});

test('what cannot be meant is refused', async () => {
  expect(() => job({ ema: { decay: 1 } })).toThrow('ema.decay 1 must be at least 0 and below 1');
  expect(() => job({ earlyStopping: { patience: 0 } })).toThrow('earlyStopping.patience must be a whole number');
  await expect(run({ earlyStopping: { patience: 1, monitor: 'f1' } })).rejects.toThrow(
    'earlyStopping.monitor "f1" is no metric of the evaluation; it has loss.',
  );
  await expect(run({ earlyStopping: { patience: 1 }, data: () => ({ train: source() }) })).rejects.toThrow(
    'earlyStopping needs test data',
  );
});
