import { train } from '@lockstep/coordinator';
import { defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';
import type { Values } from './support/torch-vector.ts';
import { arraysOf, expectScalar, expectVector, givenLinear, vectorCase } from './support/vector-case.ts';

// PyTorch's clip_grad_norm_ and clip_grad_value_ and one SGD step, against one step of the whole engine.

const c = vectorCase('grad_clip');

class Given extends nn.Module {
  fc1 = givenLinear(c, 'fc1');
  fc2 = givenLinear(c, 'fc2');
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).tanh());
  }
}

test.each([
  ['norm_0.5', { clipNorm: 0.5 }],
  ['norm_1000', { clipNorm: 1000 }],
  ['value_0.1', { clipValue: 0.1 }],
])('clipping by %s', async (name, options) => {
  const job = defineJob({
    name: 'grad-clip',
    data: () => ({ train: arraysOf({ x: c.inputs.x as Values, target: c.targets.target as Values }) }),
    model: () => new Given(),
    batch: { size: 4, shards: 1 },
    steps: 1,
    optimizer: optim.sgd({ lr: 0.1 }),
    ...options,
    step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x as Tensor), batch.target as Tensor) }),
  });
  const run = train(job, { threads: 1 });
  let gradientNorm = Number.NaN;
  for await (const event of run) if (event.type === 'step') gradientNorm = event.gradientNorm;
  const { model, loss: value } = await run.done;
  expect(Math.abs(gradientNorm / c.float64.total_norm - 1)).toBeLessThan(1e-5);
  expectScalar(value, c.float64.loss, 'loss');
  for (const [parameter, expected] of Object.entries<Values>(c.float64[`params_after_${name}`])) {
    expectVector(model.parameters[parameter], expected, parameter);
  }
  await model.close();
});

test('clipping by norm, then by value: the same bits on 1, 2 and 3 threads', async () => {
  const job = defineJob({
    name: 'grad-clip',
    data: () => ({ train: arraysOf({ x: c.inputs.x as Values, target: c.targets.target as Values }) }),
    model: () => new Given(),
    batch: { size: 4, shards: 3 },
    steps: 1,
    optimizer: optim.sgd({ lr: 0.1 }),
    clipNorm: 0.5,
    clipValue: 0.1,
    step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x as Tensor), batch.target as Tensor) }),
  });
  const digests = new Set<string>();
  for (const threads of [1, 2, 3]) {
    const { model, digest } = await train(job, { threads }).done;
    digests.add(digest);
    for (const [name, gradient] of Object.entries<Values>(c.float64['grads_after_norm_0.5'])) {
      const start = c.params?.[name] as Values;
      const data = gradient.data.map((g, i) => (start.data[i] as number) - 0.1 * Math.max(-0.1, Math.min(0.1, g)));
      expectVector(model.parameters[name], { ...gradient, data }, name);
    }
    await model.close();
  }
  expect(digests.size).toBe(1);
});

test('limits of 0 and below are refused', () => {
  const make = (options: object) => () =>
    defineJob({
      name: 'grad-clip',
      data: () => ({ train: arraysOf({ x: c.inputs.x as Values }) }),
      model: () => new Given(),
      batch: { size: 4 },
      steps: 1,
      optimizer: optim.sgd(),
      step: ({ model, batch }) => ({
        loss: model
          .forward(batch.x as Tensor)
          .square()
          .sum([1]),
      }),
      ...options,
    });
  expect(make({ clipValue: 0 })).toThrow('clipValue 0 must be above 0.');
  expect(make({ clipValue: Number.NaN })).toThrow('clipValue NaN must be above 0.');
  expect(make({ clipNorm: -1 })).toThrow('clipNorm -1 must be above 0.');
});
