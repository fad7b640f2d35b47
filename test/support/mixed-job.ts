import { augment, data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';

// A bit of everything whose bits could differ: augmentation, convolutions (plain, Winograd's, depthwise, transposed), batch and group norm, pooling,
// recurrence, attention, embedding, graph sums, noise, phases, several optimizers, penalties, clipping, moving average.

const channels = 8;

class Mixed extends nn.Module {
  conv = new nn.Conv2d(1, channels, 3, { stride: 2, padding: 1, bias: false });
  norm = new nn.BatchNorm2d(channels);
  dense = new nn.Conv2d(channels, channels, 3, { padding: 1 });
  depthwise = new nn.Conv2d(channels, channels, 3, { padding: 1, groups: channels });
  groups = new nn.GroupNorm(2, channels);
  gru = new nn.GRU(7 * channels, 12, { bidirectional: true });
  lstm = new nn.LSTM(24, 24);
  attention = new nn.MultiheadAttention(24, 3);
  classes = new nn.Linear(24, 10);
  digit = new nn.Embedding(10, 16);
  grow = new nn.ConvTranspose2d(4, 1, 4, { stride: 2, padding: 1 });

  /** `[batch, 1, 28, 28]` to `[batch, 10]`: rows of the pooled image are read as a sequence. */
  forward(image: Tensor): Tensor {
    const a = ops.gelu(this.norm.forward(this.conv.forward(image))).maxPool2d(2);
    const b = ops.silu(this.groups.forward(this.depthwise.forward(this.dense.forward(a))));
    const rows = b.permute([0, 2, 1, 3]).reshape([-1, 7, 7 * channels]);
    const [read] = this.lstm.forward(this.gru.forward(rows)[0]);
    const seen = this.attention.forward(read, read, read, { isCausal: true });
    return this.classes.forward(seen.mean(1));
  }

  /** A digit and noise to `[batch, 1, 4, 4]`. */
  draw(label: Tensor): Tensor {
    const noise = ops.randomNormal([label.shape[0] as number, 16]);
    return this.grow.forward(this.digit.forward(label).add(noise.mul(0.1)).reshape([-1, 4, 2, 2])).sigmoid();
  }
}

export default defineJob({
  name: 'mixed',
  seed: 11,
  data: () => ({
    train: data.glyphs({ length: 200, seed: 3 }),
    test: data.glyphs({ split: 'test', length: 40, seed: 3 }),
  }),
  model: () => new Mixed(),
  batch: { size: 24, shards: 5 },
  steps: 30,
  ema: { decay: 0.9 },
  scalars: { weight: (step) => 1 / (1 + step) },
  phases: [
    {
      name: 'reader',
      params: /^(conv|norm|dense|depthwise|groups|gru|lstm|attention|classes)\./,
      optimizer: optim.adamW({
        lr: optim.oneCycle({ peak: 1e-2 }),
        amsgrad: true,
        groups: [{ params: /norm|groups/, weightDecay: 0 }],
      }),
      clipNorm: 1,
      penalties: [{ l1: 1e-4, l2: 1e-3, params: /conv\.weight$/ }],
      step: ({ model, batch }) => {
        const turned = augment.randomAffine(batch.image, { degrees: 10, translate: [0.1, 0.1], scale: [0.9, 1.1] });
        const logits = model.forward(augment.colorJitter(turned, { brightness: 0.2 }));
        return {
          loss: loss.crossEntropy(logits, batch.label, { labelSmoothing: 0.1 }),
          accuracy: metrics.accuracy(logits, batch.label),
        };
      },
    },
    {
      name: 'drawer',
      params: /^(digit|grow)\./,
      every: 2,
      optimizer: optim.lion({ lr: 1e-3 }),
      clipValue: 0.01,
      step: ({ model, batch, scalars }) => {
        const small = batch.image.avgPool2d(7);
        return {
          loss: loss
            .bceWithLogits(model.draw(batch.label), small)
            .sumPerSample()
            .mul(scalars.weight as Tensor),
        };
      },
    },
  ],
  evaluate: ({ model, batch }) => {
    const logits = model.forward(batch.image);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
});
