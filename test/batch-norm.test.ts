import { train } from '@lockstep/coordinator';
import { defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { expect, test } from 'vitest';
import type { Values } from './support/torch-vector.ts';
import { arraysOf, expectScalar, expectVector, vectorCase } from './support/vector-case.ts';

// PyTorch's BatchNorm over three steps of the whole engine: parameters and running statistics.

test.each(['batch_norm1d_train', 'batch_norm2d_train'])('%s', async (name) => {
  const c = vectorCase(name);
  const { buffers } = c as unknown as { buffers: Record<string, Values> };
  const given = (values: Values | undefined) => (into: Float32Array) => into.set(values?.data ?? []);
  const { shape } = c.inputs.x as Values;

  class Net extends nn.Module {
    norm = new (shape.length === 2 ? nn.BatchNorm1d : nn.BatchNorm2d)(shape[1] as number);
    constructor() {
      super();
      const channels = [shape[1] as number];
      this.norm.weight = new nn.Parameter(channels, given(c.params['norm.weight']));
      this.norm.bias = new nn.Parameter(channels, given(c.params['norm.bias']));
      this.norm.runningMean = new nn.Buffer(channels, given(buffers['norm.running_mean']));
      this.norm.runningVar = new nn.Buffer(channels, given(buffers['norm.running_var']));
    }
    forward(x: Tensor): Tensor {
      return this.norm.forward(x);
    }
  }
  const run = train(
    defineJob({
      name,
      data: () => ({ train: arraysOf({ x: c.inputs.x as Values, target: c.targets.target as Values }) }),
      model: () => new Net(),
      batch: { size: shape[0] as number, shards: 1 },
      steps: 3,
      optimizer: optim.sgd({ lr: 0.1 }),
      step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x as Tensor), batch.target as Tensor) }),
    }),
    { threads: 1 },
  );
  const losses: number[] = [];
  for await (const event of run) if (event.type === 'step') losses.push(event.loss);
  const { model } = await run.done;
  losses.forEach((value, step) => {
    expectScalar(value, c.float64.losses[step], `loss of step ${step + 1}`);
  });
  expect(losses).toHaveLength(3);
  const weights = model.parameters as Record<string, Float32Array>;
  const after = c.float64.params_after['3'];
  expectVector(weights['norm.weight'], after['norm.weight'], 'weight');
  expectVector(weights['norm.bias'], after['norm.bias'], 'bias');
  const statistics = c.float64.buffers_after_3_steps;
  expectVector(weights['norm.runningMean'], statistics['norm.running_mean'], 'running mean');
  expectVector(weights['norm.runningVar'], statistics['norm.running_var'], 'running variance');
  await model.close();
});
