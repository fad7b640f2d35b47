import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';

// A few hundred parameters with everything that a step can have, and batches whose last one has fewer samples than shards.

class Tiny extends nn.Module {
  hidden = new nn.Linear(2, 12);
  norm = new nn.BatchNorm1d(12);
  drop = new nn.Dropout(0.2);
  head = new nn.Linear(12, 3);

  /** `[batch, 2]` to `[batch, 3]`. */
  forward(x: Tensor): Tensor {
    return this.head.forward(this.drop.forward(this.norm.forward(this.hidden.forward(x)).tanh()));
  }
}

const splits = { train: data.spirals({ perClass: 7 }), test: data.spirals({ seed: 2, perClass: 4 }) };

/** Epochs are 9 + 9 + 3 samples in 7 shards, evaluations 9 + 3. */
export default defineJob({
  name: 'tiny',
  seed: 3,
  data: () => splits,
  model: () => new Tiny(),
  batch: { size: 9, shards: 7 },
  steps: 7,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 3e-2, warmupSteps: 2 }), weightDecay: 0.02 }),
  clipNorm: 0.5,
  ema: { decay: 0.8 },
  penalties: [{ l1: 1e-3, l2: 1e-2, params: /weight$/ }],
  scalars: { weight: (step) => 1 + step },
  watchEvery: 1,
  gather: ({ model, batch }) => {
    const logits = model.forward(batch.x);
    return { logits, noisy: logits.add(ops.randomNormal([batch.x.shape[0] as number, 3])) };
  },
  hostMetrics: { seen: ({ logits }) => logits.data.length },
  step: ({ model, batch, scalars }) => {
    const logits = model.forward(batch.x);
    return {
      loss: loss.crossEntropy(logits, batch.label).mul(scalars.weight as Tensor),
      accuracy: metrics.accuracy(logits, batch.label),
    };
  },
});
