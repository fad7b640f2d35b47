import { data, defineJob, loss, metrics, nn, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';

/**
 * ResNet-20 in the form for CIFAR (He et al. 2015, section 4.2): a convolution, three stages of three blocks with 16, 32 and 64 channels on
 * 32, 16 and 8 pixels a side, a mean over each plane. Short cuts have no parameters.
 */
class ResNet20 extends nn.Module {
  stem = new nn.Conv2d(3, 16, 3, { padding: 1, bias: false });
  norm = new nn.BatchNorm2d(16);
  stages = [
    ...[16, 16, 16].map((channels) => new nn.BasicBlock(channels, 16)),
    ...[16, 32, 32].map((channels) => stage(channels, 32)),
    ...[32, 64, 64].map((channels) => stage(channels, 64)),
  ];
  head = new nn.Linear(64, 10);

  forward(image: Tensor): Tensor {
    let x = this.norm.forward(this.stem.forward(image)).relu();
    for (const block of this.stages) x = block.forward(x);
    return this.head.forward(x.adaptiveAvgPool2d(1).flatten(1));
  }
}

const stage = (inChannels: number, outChannels: number) =>
  new nn.BasicBlock(inChannels, outChannels, { stride: inChannels === outChannels ? 1 : 2, shortcut: 'padding' });

/** On generated images; `--data FOLDER` takes CIFAR-10's binary files. */
export default defineJob({
  name: 'resnet',
  seed: 1,
  data: async ({ path }) => (path === undefined ? generated() : await data.cifar10(path)),
  model: () => new ResNet20(),
  batch: { size: 64 },
  epochs: 3,
  optimizer: optim.sgd({
    lr: optim.cosine({ peak: 0.1, warmupSteps: 40 }),
    momentum: 0.9,
    weightDecay: 5e-4,
  }),
  step: ({ model, batch }) => {
    const logits = model.forward(batch.image);
    return { loss: loss.crossEntropy(logits, batch.label), accuracy: metrics.accuracy(logits, batch.label) };
  },
});

const generated = () => ({ train: data.images32({ split: 'train' }), test: data.images32({ split: 'test' }) });

export const example: Example = {
  system: 'residual network',
  figures: [{ name: 'test accuracy', atLeast: 0.95, percent: true, of: metric('accuracy') }],
};
