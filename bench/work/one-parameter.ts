import { data, defineJob, loss, nn, optim } from '@lockstep/core';
import { floats } from './numbers.ts';

/** 500 steps an epoch. */
const samples = 1000;
const field = (seed: number) => ({ data: floats(samples, seed), shape: [samples, 1] });

/** A model of one parameter and a batch of two samples: what a step costs beside its computing. */
export default defineJob({
  name: 'one-parameter',
  data: () => ({ train: data.arrays({ x: field(1), y: field(2) }) }),
  model: () => new nn.Linear(1, 1, { bias: false }),
  batch: { size: 2 },
  steps: 100,
  optimizer: optim.sgd({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.mse(model.forward(batch.x), batch.y) }),
});
