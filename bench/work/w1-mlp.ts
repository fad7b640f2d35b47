import { data, defineJob, loss, nn, optim } from '@lockstep/core';
import { classes, floats } from './numbers.ts';

const samples = 2048;

/** W1: multilayer perceptron 784-1024-1024-10 with ReLU, cross-entropy, batch 256, Adam. */
export default defineJob({
  name: 'w1-mlp',
  data: () => ({
    train: data.arrays({
      x: { data: floats(samples * 784), shape: [samples, 784] },
      label: { data: classes(samples, 10), shape: [samples] },
    }),
  }),
  model: () =>
    new nn.Sequential(
      new nn.Linear(784, 1024),
      new nn.ReLU(),
      new nn.Linear(1024, 1024),
      new nn.ReLU(),
      new nn.Linear(1024, 10),
    ),
  batch: { size: 256 },
  steps: 100,
  optimizer: optim.adam({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});
