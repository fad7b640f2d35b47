import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

const [size, patch, width] = [28, 7, 64];
const side = size / patch;
const patches = side * side;

/**
 * A small vision transformer (Dosovitskiy et al. 2021): patches of an image as words, with a learned place each, through encoder layers; the
 * mean of what comes out is classified. `[batch, 1, 28, 28]` to `[batch, 10]`.
 */
class VisionTransformer extends nn.Module {
  embed = new nn.Linear(patch * patch, width);
  place = new nn.Parameter([patches, width], nn.init.normal(0.02));
  encoder = new nn.TransformerEncoder(
    () =>
      new nn.TransformerEncoderLayer(width, 4, {
        dimFeedforward: 2 * width,
        normFirst: true,
        activation: 'gelu',
        dropout: 0,
      }),
    4,
    new nn.LayerNorm(width),
  );
  head = new nn.Linear(width, 10);

  forward(image: Tensor): Tensor {
    const words = image
      .reshape([-1, side, patch, side, patch])
      .permute([0, 1, 3, 2, 4])
      .reshape([-1, patches, patch * patch]);
    const seen = this.encoder.forward(ops.add(this.embed.forward(words), this.place));
    return this.head.forward(seen.mean(1));
  }
}

/** Digits read by attention over image patches: drawn ones, or MNIST's with `--data FOLDER`. */
export default defineJob({
  name: 'vit',
  seed: 1,
  data: ({ path, seed }) =>
    path === undefined
      ? { train: data.glyphs({ split: 'train', seed }), test: data.glyphs({ split: 'test', seed }) }
      : data.mnist(path),
  model: () => new VisionTransformer(),
  batch: { size: 64 },
  epochs: 6,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 2e-3, warmupSteps: 200 }), weightDecay: 0.05 }),
  clipNorm: 1,
  step: ({ model, batch }) => {
    const logits = model.forward(batch.image);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
});

export const example: Example = {
  system: 'attention over image patches',
  figures: [{ name: 'test accuracy', atLeast: 0.97, percent: true, of: metric('accuracy') }],
};
