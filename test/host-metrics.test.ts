import { train } from '@lockstep/coordinator';
import { data, defineJob, type Gathered, loss, metrics, nn, ops, optim, type Tensor, UsageError } from '@lockstep/core';
import { traceJob } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';

// Metrics that are functions of predictions over the whole test split, in sample order.

class Net extends nn.Module {
  hidden = new nn.Linear(2, 8);
  head = new nn.Linear(8, 3);
  readonly #mixing: boolean;

  constructor(mixing: boolean) {
    super();
    this.#mixing = mixing;
  }

  forward(x: Tensor): Tensor {
    const y = this.hidden.forward(x).tanh();
    // Over the samples of a shard: such outputs are computed shard by shard.
    return this.head.forward(this.#mixing ? y.sub(y.sum(0).mul(0.01)) : y);
  }
}

const splits = { train: data.spirals({ perClass: 30 }), test: data.spirals({ seed: 2, perClass: 17 }) };
const common = {
  seed: 1,
  data: () => splits,
  batch: { size: 20, shards: 5 },
  steps: 8,
  evalEvery: 4,
  optimizer: optim.adam({ lr: 0.02 }),
};

describe.each([
  ['rows apart', false],
  ['rows that mix', true],
])('%s', (_, mixing) => {
  async function run(options: { threads: number; mergeShards?: boolean }) {
    const seen: Record<string, Gathered>[] = [];
    const job = defineJob({
      ...common,
      name: 'gathering',
      model: () => new Net(mixing),
      gather: ({ model, batch }) => {
        const logits = model.forward(batch.x);
        return { predicted: logits.argmax(), logits, x: batch.x, label: batch.label };
      },
      hostMetrics: {
        f1: ({ predicted, label }) => metrics.f1(predicted.data, label.data, { classes: 3 }),
        perplexity: (_, { loss }) => metrics.perplexity(loss as number),
        seen: (gathered) => seen.push(gathered),
      },
      step: ({ model, batch }) => {
        const logits = model.forward(batch.x);
        return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
      },
    });
    const started = train(job, options);
    const evaluated: Readonly<Record<string, number>>[] = [];
    for await (const event of started) if (event.type === 'eval') evaluated.push(event.metrics);
    const { model, metrics: last } = await started.done;
    await model.close();
    return { seen, evaluated, last };
  }

  test('all samples in order, whatever the threads', async () => {
    const { seen, evaluated, last } = await run({ threads: 2 });
    expect(seen).toHaveLength(2);
    const { predicted, logits, x, label } = seen[1] as Record<'predicted' | 'logits' | 'x' | 'label', Gathered>;
    expect([predicted.shape, logits.shape, x.shape, label.shape]).toEqual([[51], [51, 3], [51, 2], [51]]);
    for (let i = 0; i < 51; i++) {
      const sample = splits.test.sample(i) as { x: Float32Array; label: Int32Array };
      expect(x.data.subarray(2 * i, 2 * i + 2)).toEqual(sample.x);
      expect(label.data[i]).toBe(sample.label[0]);
      const row = [...logits.data.subarray(3 * i, 3 * i + 3)];
      expect(predicted.data[i]).toBe(row.indexOf(Math.max(...row)));
    }
    const hits = predicted.data.filter((p, i) => p === label.data[i]).length;
    expect(last.accuracy).toBeCloseTo(hits / 51, 6);
    expect(last.f1).toBe(metrics.f1(predicted.data, label.data, { classes: 3 }));
    expect(last.perplexity).toBeCloseTo(Math.exp(last.loss as number), 10);
    expect(evaluated[1]).toEqual(last);
    for (const options of [{ threads: 1 }, { threads: 3 }, { threads: 2, mergeShards: false }]) {
      const again = await run(options);
      expect(again.evaluated.map(({ f1, loss }) => [f1, loss])).toEqual(evaluated.map(({ f1, loss }) => [f1, loss]));
      expect(again.seen[1]?.logits?.data).toEqual(logits.data);
    }
  });
});

const job = (options: object) =>
  defineJob({
    ...common,
    name: 'measured',
    model: () => new Net(false),
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x as Tensor), batch.label as Tensor) }),
    ...options,
  });

test('a host metric can end a run early', async () => {
  let calls = 0;
  const run = train(
    job({
      steps: 100,
      evalEvery: 2,
      hostMetrics: { falling: () => -calls++ },
      earlyStopping: { monitor: 'falling', mode: 'max', patience: 2 },
    }),
    { threads: 1 },
  );
  const { steps, model } = await run.done;
  await model.close();
  expect(steps).toBe(6);
});

test.each<[string, object, RegExp]>([
  ['no function', { hostMetrics: { f1: 0.5 } }, /hostMetrics.f1 must be a function of what gather gave/],
  ['gather that is none', { gather: 'logits' }, /gather must be a function/],
])('%s', (_, options, message) => {
  expect(() => job(options)).toThrow(UsageError);
  expect(() => job(options)).toThrow(message);
});

test.each<[string, object, RegExp]>([
  ['a name that is taken', { hostMetrics: { loss: () => 0 } }, /hostMetrics.loss has the name of a metric/],
  [
    'a scalar',
    { gather: () => ({ total: ops.tensor(1) }) },
    /gather gives "total" the shape \[\]; it must be \[batch, ...\]/,
  ],
  [
    'rows of samples joined',
    { gather: ({ batch }: { batch: { x: Tensor } }) => ({ x: batch.x.flatten() }) },
    /gather gives "x" the shape \[2\*batch\]/,
  ],
  ['no tensor', { gather: () => ({ x: 3 }) }, /gather must return tensors, but "x" is number/],
])('%s', async (_, options, message) => {
  await expect(traceJob(job(options))).rejects.toThrow(message);
});

test.each<[string, object, RegExp]>([
  ['no number', { hostMetrics: { f1: () => 'high' } }, /hostMetrics.f1 gave string, not a number/],
  ['a promise', { hostMetrics: { f1: async () => 1 } }, /hostMetrics.f1 gave a promise/],
  [
    'a metric that fails',
    { hostMetrics: { f1: () => metrics.f1([1], [], { classes: 3 }) } },
    /hostMetrics.f1 failed: metrics: 1 predictions for 0 labels/,
  ],
])('%s', async (_, options, message) => {
  await expect(train(job(options), { threads: 1 }).done).rejects.toThrow(message);
});
