import { data, defineJob, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

/** Two convolutions, each followed by pooling, and a linear head: `[batch, 1, 28, 28]` to `[batch, 10]`. */
class DigitNet extends nn.Module {
  conv1 = new nn.Conv2d(1, 16, 5, { padding: 2 });
  conv2 = new nn.Conv2d(16, 32, 5, { padding: 2 });
  head = new nn.Linear(32 * 7 * 7, 10);

  forward(image: Tensor): Tensor {
    const a = this.conv1.forward(image).relu().maxPool2d(2);
    const b = this.conv2.forward(a).relu().maxPool2d(2);
    return this.head.forward(b.flatten(1));
  }
}

/** A convolutional network reads digits: drawn ones, or MNIST's with `--data FOLDER`. */
export default defineJob({
  name: 'digits',
  seed: 42,
  data: ({ path }) =>
    path === undefined
      ? { train: data.glyphs({ split: 'train' }), test: data.glyphs({ split: 'test' }) }
      : data.mnist(path),
  model: () => new DigitNet(),
  batch: { size: 128, shards: 16 },
  epochs: 3,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 4e-3, warmupSteps: 50 }), weightDecay: 0.01 }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const logits = model.forward(batch.image);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
});

export const example: Example = {
  system: 'convolutional network',
  figures: [{ name: 'accuracy on held-out glyphs', atLeast: 0.99, percent: true, of: metric('accuracy') }],
};
