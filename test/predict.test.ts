import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedModel, loadModel, train } from '@lockstep/coordinator';
import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { afterAll, beforeAll, expect, test } from 'vitest';

// A model reads rows of two fields of different types, one of them indices into a table.

class Mixed extends nn.Module {
  table = new nn.Embedding(5, 4);
  head = new nn.Linear(4, 3);
  forward(token: Tensor, scale: Tensor): Tensor {
    return this.head.forward(this.table.forward(token).mul(scale));
  }
}

const job = defineJob({
  name: 'mixed',
  seed: 7,
  data: () => ({
    train: data.arrays({
      token: { data: Int32Array.from({ length: 32 }, (_, i) => i % 5), shape: [32] },
      scale: { data: Float32Array.from({ length: 32 }, (_, i) => i / 32), shape: [32, 1] },
      label: { data: Int32Array.from({ length: 32 }, (_, i) => i % 3), shape: [32] },
    }),
  }),
  model: () => new Mixed(),
  batch: { size: 8 },
  steps: 3,
  optimizer: optim.sgd({ lr: 0.1 }),
  step: ({ model, batch }) => ({
    loss: loss.crossEntropy(model.forward(batch.token, batch.scale), batch.label),
  }),
  predict: ({ model, batch }) => {
    const logits = model.forward(batch.token as Tensor, batch.scale as Tensor);
    return { logits, best: logits.argmax(-1) };
  },
});

let out: string;
let model: LoadedModel;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'lockstep-predict-'));
  ({ model } = await train(job, { threads: 2, out }).done);
});
afterAll(async () => {
  await model.close();
  await rm(out, { recursive: true });
});

const rows = (count: number, from = 0) => ({
  token: Array.from({ length: count }, (_, i) => (from + i) % 5),
  scale: Array.from({ length: count }, (_, i) => [(from + i) / 8 - 1]),
});

test('it reads only the fields it needs', () => {
  expect(model.fields).toEqual(['token', 'scale']);
});

test('requests at once, of many sizes, each give the bits of single rows', async () => {
  const single = await Promise.all(Array.from({ length: 17 }, (_, i) => model.predict(rows(1, i))));
  const counts = [17, 1, 2, 16, 5, 3, 7, 17];
  const many = await Promise.all(counts.map((count) => model.predict(rows(count))));
  for (const [k, { logits, best }] of many.entries()) {
    const count = counts[k] as number;
    expect(logits?.shape).toEqual([count, 3]);
    expect(best?.shape).toEqual([count]);
    for (let i = 0; i < count; i++) {
      expect(logits?.data.subarray(i * 3, i * 3 + 3)).toEqual(single[i]?.logits?.data);
      expect(best?.data[i]).toBe(single[i]?.best?.data[0]);
    }
  }
});

test('an index out of range fails its own request and no other', async () => {
  const bad = model.predict({ token: [1, 5], scale: [[1], [1]] });
  const good = model.predict(rows(2));
  await expect(bad).rejects.toThrow(/predict: value 5 is out of range \(embedding/);
  expect((await good).logits?.shape).toEqual([2, 3]);
});

test('a checkpoint answers like the model that was trained, without the job', async () => {
  await using loaded = await loadModel(out);
  expect(loaded.name).toBe('mixed');
  expect(await loaded.predict(rows(4))).toEqual(await model.predict(rows(4)));
});

test('closing fails what waits, and the next request starts again', async () => {
  const other = await loadModel(out);
  const waiting = other.predict(rows(3));
  const closed = other.close();
  await expect(waiting).rejects.toThrow('The prediction thread has ended');
  await closed;
  expect((await other.predict(rows(3))).logits?.shape).toEqual([3, 3]);
  await other.close();
});
