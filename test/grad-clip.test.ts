import { train } from '@lockstep/coordinator';
import { defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';
import type { Values } from './support/torch-vector.ts';
import { arraysOf, expectScalar, expectVector, givenLinear, vectorCase } from './support/vector-case.ts';

// PyTorch's clip_grad_norm_ and one SGD step, against one step of the whole engine.

const c = vectorCase('grad_clip');

class Given extends nn.Module {
  fc1 = givenLinear(c, 'fc1');
  fc2 = givenLinear(c, 'fc2');
  forward(x: Tensor): Tensor {
    return this.fc2.forward(this.fc1.forward(x).tanh());
  }
}

test.each(['0.5', '1000'])('clipping by norm %s', async (norm) => {
  const job = defineJob({
    name: 'grad-clip',
    data: () => ({ train: arraysOf({ x: c.inputs.x as Values, target: c.targets.target as Values }) }),
    model: () => new Given(),
    batch: { size: 4, shards: 1 },
    steps: 1,
    optimizer: optim.sgd({ lr: 0.1 }),
    clipNorm: Number(norm),
    step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x as Tensor), batch.target as Tensor) }),
  });
  const run = train(job, { threads: 1 });
  let gradientNorm = Number.NaN;
  for await (const event of run) if (event.type === 'step') gradientNorm = event.gradientNorm;
  const { model, loss: value } = await run.done;
  expect(Math.abs(gradientNorm / c.float64.total_norm - 1)).toBeLessThan(1e-5);
  expectScalar(value, c.float64.loss, 'loss');
  for (const [name, expected] of Object.entries<Values>(c.float64[`params_after_norm_${norm}`])) {
    expectVector(model.parameters[name], expected, name);
  }
  await model.close();
});
