import { train } from '@lockstep/coordinator';
import { defineJob, loss, nn, optim, type Penalty, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';
import type { Values } from './support/torch-vector.ts';
import { arraysOf, expectScalar, expectVector, givenLinear, vectorCase } from './support/vector-case.ts';

// Penalties on weights: PyTorch's numbers for a loss with an added term, through the whole engine.

const weights = /weight$/;

function jobOf(name: string, penalties: readonly Penalty[], options: { shards?: number; clipNorm?: number } = {}) {
  const c = vectorCase(name);
  class Given extends nn.Module {
    fc1 = givenLinear(c, 'fc1');
    fc2 = givenLinear(c, 'fc2');
    forward(x: Tensor): Tensor {
      return this.fc2.forward(this.fc1.forward(x).tanh());
    }
  }
  const size = (c.inputs.x as Values).shape[0] as number;
  return defineJob({
    name,
    data: () => ({ train: arraysOf({ x: c.inputs.x as Values, labels: c.targets.labels as Values }) }),
    model: () => new Given(),
    batch: { size, shards: options.shards ?? 1 },
    steps: 3,
    optimizer: optim.sgd({ lr: 0.1 }),
    penalties,
    ...(options.clipNorm && { clipNorm: options.clipNorm }),
    step: ({ model, batch }) => ({
      loss: loss.crossEntropy(model.forward(batch.x as Tensor), batch.labels as Tensor),
    }),
  });
}

test.each([
  ['mlp_l1', [{ l1: 0.01, params: weights }]],
  ['mlp_l2', [{ l2: 0.01, params: weights }]],
] as const)('%s', async (name, penalties) => {
  const { float64 } = vectorCase(name);
  const run = train(jobOf(name, penalties), { threads: 1 });
  let step = 0;
  for await (const event of run) {
    if (event.type !== 'step') continue;
    expectScalar(event.loss + (event.metrics.penalty as number), float64.losses[step], `loss of step ${step}`);
    step++;
  }
  const { model } = await run.done;
  expect(step).toBe(3);
  for (const [parameter, expected] of Object.entries<Values>(float64.params_after['3'])) {
    expectVector(model.parameters[parameter], expected, parameter);
  }
  await model.close();
});

test('the elastic net is both at once, in any order of threads and shards', async () => {
  const both = [{ l1: 0.02, l2: 0.3, params: weights }];
  const digest = async (penalties: readonly Penalty[], threads: number) => {
    const job = jobOf('mlp_l1', penalties, { shards: 3, clipNorm: 0.5 });
    const { digest, model } = await train(job, { threads }).done;
    await model.close();
    return digest;
  };
  const expected = await digest(both, 1);
  expect(await digest(both, 2)).toBe(expected);
  expect(await digest(both, 3)).toBe(expected);
  expect(await digest([{ l1: 0.02, params: weights }], 1)).not.toBe(expected);
});

test('penalties that say nothing are refused', () => {
  expect(() => jobOf('mlp_l1', [{ params: weights }])).toThrow('penalties[0] has neither l1 nor l2');
  expect(() => jobOf('mlp_l1', [{ l1: -1 }])).toThrow('penalties[0].l1 -1 must be a number of at least 0');
});

test('a penalty on no parameter is refused', async () => {
  await expect(train(jobOf('mlp_l1', [{ l1: 1, params: /nothing/ }]), { threads: 1 }).done).rejects.toThrow(
    'params of a penalty takes none',
  );
});
