import { train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, optim } from '@lockstep/core';
import { expect, test } from 'vitest';

// F17: one shard of one batch is not finite.

const samples = 48;

const job = (value: number, nonFinite: 'stop' | 'skip') =>
  defineJob({
    name: 'not-finite',
    seed: 1,
    data: () => ({
      train: data.arrays({
        x: {
          data: Float32Array.from({ length: samples * 2 }, (_, i) => (i === 61 ? value : ((i * 13) % 17) / 17)),
          shape: [samples, 2],
        },
        label: { data: Int32Array.from({ length: samples }, (_, i) => i % 3), shape: [samples] },
      }),
    }),
    model: () => new nn.Linear(2, 3),
    batch: { size: 16, shards: 8 },
    epochs: 2,
    nonFinite,
    optimizer: optim.adamW({ lr: 0.1 }),
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
  });

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  'one bad sample (%d): all threads come to one decision',
  async (value) => {
    const outcomes = new Set<string>();
    for (const threads of [1, 2, 3, 8]) {
      const run = train(job(value, 'skip'), { threads });
      const skipped: unknown[] = [];
      for await (const event of run)
        if (event.type === 'warning' && /changed nothing/.test(event.message)) skipped.push(event.step);
      const { digest } = await run.done;
      expect(skipped).toHaveLength(2);
      const stop = await train(job(value, 'stop'), { threads }).done.catch((error: Error) => error.message);
      outcomes.add(JSON.stringify([digest, skipped, stop]));
    }
    expect(outcomes.size).toBe(1);
    expect([...outcomes][0]).toMatch(/is not finite .*Nothing was updated/);
  },
);
