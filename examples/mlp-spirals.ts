import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

/** Two hidden layers with dropout. */
class SpiralNet extends nn.Module {
  layers = new nn.Sequential(
    new nn.Linear(2, 64),
    ops.relu,
    new nn.Dropout(0.1),
    new nn.Linear(64, 64),
    ops.relu,
    new nn.Dropout(0.1),
    new nn.Linear(64, 3),
  );

  forward(x: Tensor): Tensor {
    return this.layers.forward(x);
  }
}

/** Three interleaved spiral arms, which no straight line separates. */
export default defineJob({
  name: 'mlp-spirals',
  seed: 7,
  data: () => ({ train: data.spirals({ seed: 1 }), test: data.spirals({ seed: 2, perClass: 100 }) }),
  model: () => new SpiralNet(),
  batch: { size: 64 },
  epochs: 100,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 1e-2, warmupSteps: 20 }), weightDecay: 0.01 }),
  evalEvery: 100,
  step: ({ model, batch }) => {
    const logits = model.forward(batch.x);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
});

export const example: Example = {
  system: 'multilayer perceptron',
  figures: [{ name: 'test accuracy', atLeast: 0.98, percent: true, of: metric('accuracy') }],
};
