import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TrainOptions, train } from '@lockstep/coordinator';
import { type AnyJob, data, defineJob, loss, nn, optim, random, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';

// Training on a stream: no index, its own order through a shuffle buffer, resumed by skipping.

let opened = 0;
async function* samples() {
  opened++;
  const numbers = random.generator(3);
  for (let i = 0; i < 70; i++) {
    const x = [numbers.normal(), numbers.normal()];
    yield { x: Float32Array.from(x), y: (x[0] as number) - 2 * (x[1] as number) };
  }
}

class Net extends nn.Module {
  a = new nn.Linear(2, 1);
  b = new nn.Linear(2, 1);
  forward(x: Tensor): Tensor {
    return this.a.forward(x).add(this.b.forward(x)).reshape([-1]);
  }
}

function job(options: object = {}): AnyJob {
  const update = {
    optimizer: optim.sgd({ lr: 0.05 }),
    step: ({ model, batch }: { model: Net; batch: { x: Tensor; y: Tensor } }) => ({
      loss: loss.mse(model.forward(batch.x), batch.y),
    }),
  };
  return defineJob({
    name: 'stream',
    data: ({ seed }: { seed: number }) => ({ train: data.stream(samples, { shuffleBuffer: 12, seed }) }),
    model: () => new Net(),
    batch: { size: 8, shards: 3 },
    steps: 20,
    phases: [
      { name: 'a', params: /^a/, ...update },
      { name: 'b', params: /^b/, ...update },
    ],
    ...options,
  } as never) as AnyJob;
}

async function digestOf(options: TrainOptions): Promise<string> {
  const { digest, model } = await train(job(), options).done;
  await model.close();
  return digest;
}

test('one digest for any threads and after a resume; the stream is read through, not again for each phase', async () => {
  const digest = await digestOf({ threads: 1 });
  expect(await digestOf({ threads: 3 })).toBe(digest);
  expect(await digestOf({ threads: 1, seed: 5 })).not.toBe(digest);
  const out = await mkdtemp(join(tmpdir(), 'lockstep-stream-'));
  try {
    await digestOf({ threads: 2, out, stopAtStep: 11 });
    opened = 0;
    expect(await digestOf({ threads: 1, out, resume: true })).toBe(digest);
    // 160 samples and the buffer, 70 a pass; before that the fields and the digest of the data are found out
    expect(opened).toBeLessThan(16);
  } finally {
    await rm(out, { recursive: true });
  }
});

test('epochs and evaluations need a length', async () => {
  await expect(train(job({ steps: undefined, epochs: 1 })).done).rejects.toThrow('which has no epochs: give steps');
  const both = () => ({ train: data.stream(samples), test: data.stream(samples) });
  await expect(train(job({ data: both })).done).rejects.toThrow('The test data of job "stream" is a stream');
});
