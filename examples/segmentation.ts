import { defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';
import { kinds, maskedScenes } from './support/scenes.ts';

const size = 32;

const twice = (inChannels: number, outChannels: number) =>
  new nn.Sequential(
    new nn.Conv2d(inChannels, outChannels, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(outChannels),
    ops.relu,
    new nn.Conv2d(outChannels, outChannels, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(outChannels),
    ops.relu,
  );

/** A small U-Net (Ronneberger et al. 2015): down to a quarter of the size and up again, with what was seen on the way down beside it. */
class UNet extends nn.Module {
  down1 = twice(1, 12);
  down2 = twice(12, 24);
  bottom = twice(24, 48);
  up2 = new nn.ConvTranspose2d(48, 24, 2, { stride: 2 });
  join2 = twice(48, 24);
  join1 = twice(24 + 12, 12);
  head = new nn.Conv2d(12, 1 + kinds.length, 1);

  /** `[batch, 1, size, size]` to logits `[batch, size, size, classes]`. */
  forward(image: Tensor): Tensor {
    const a = this.down1.forward(image);
    const b = this.down2.forward(a.maxPool2d(2));
    const c = this.up2.forward(this.bottom.forward(b.maxPool2d(2)));
    const d = this.join2.forward(ops.concat([c, b], 1)).upsampleNearest2d(2);
    return this.head.forward(this.join1.forward(ops.concat([d, a], 1))).permute([0, 2, 3, 1]);
  }
}

/** Which of three shapes, or none, each pixel belongs to. */
export default defineJob({
  name: 'segmentation',
  seed: 1,
  data: () => ({
    train: maskedScenes({ split: 'train', length: 2048, size }),
    test: maskedScenes({ split: 'test', length: 256, size }),
  }),
  model: () => new UNet(),
  batch: { size: 32 },
  epochs: 2,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 20 }), weightDecay: 0.01 }),
  step: ({ model, batch }) => {
    const logits = model.forward(batch.image);
    return { loss: loss.crossEntropy(logits, batch.mask), accuracy: metrics.accuracy(logits, batch.mask) };
  },
  gather: ({ model, batch }) => ({ predicted: model.forward(batch.image).argmax(-1), mask: batch.mask }),
  hostMetrics: {
    iou: ({ predicted, mask }) => metrics.meanIou(predicted.data, mask.data, { classes: 1 + kinds.length }),
  },
});

export const example: Example = {
  system: 'convolutional network: segmentation',
  figures: [{ name: 'mean IoU', atLeast: 0.9, of: metric('iou') }],
};
