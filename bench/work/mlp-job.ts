import { data, defineJob, loss, nn, optim } from '@lockstep/core';
import { classes, floats } from './numbers.ts';

/** A multilayer perceptron 256-width-width-10 with ReLU, cross-entropy and Adam. */
export function mlpJob({ batch, width }: { readonly batch: number; readonly width: number }) {
  const samples = 4 * batch;
  return defineJob({
    name: 'mlp',
    data: () => ({
      train: data.arrays({
        x: { data: floats(samples * 256), shape: [samples, 256] },
        label: { data: classes(samples, 10), shape: [samples] },
      }),
    }),
    model: () =>
      new nn.Sequential(
        new nn.Linear(256, width),
        new nn.ReLU(),
        new nn.Linear(width, width),
        new nn.ReLU(),
        new nn.Linear(width, 10),
      ),
    batch: { size: batch },
    steps: 100,
    optimizer: optim.adam({ lr: 1e-3 }),
    step: ({ model, batch: { x, label } }) => ({ loss: loss.crossEntropy(model.forward(x), label) }),
  });
}
