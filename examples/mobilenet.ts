import { data, defineJob, loss, metrics, nn, ops, optim, type Tensor } from '@lockstep/core';
import { type Example, metric } from './support/example.ts';
import { multiplyAdds } from './support/multiply-adds.ts';

/** Three full convolutions. */
class PlainNet extends nn.Module {
  layers = new nn.Sequential(
    ...[
      [1, 32],
      [32, 64],
      [64, 64],
    ].flatMap(([inChannels, outChannels]) => [
      new nn.Conv2d(inChannels as number, outChannels as number, 3, { padding: 1, bias: false }),
      new nn.BatchNorm2d(outChannels as number),
      ops.relu,
      new nn.MaxPool2d(2),
    ]),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );
  forward(image: Tensor): Tensor {
    return this.layers.forward(image);
  }
}

/** The same depth and more out of convolutions that are taken apart. */
class MobileNet extends nn.Module {
  layers = new nn.Sequential(
    new nn.Conv2d(1, 16, 3, { padding: 1, stride: 2, bias: false }),
    new nn.BatchNorm2d(16),
    ops.relu,
    new nn.DepthwiseSeparableConv2d(16, 32),
    new nn.InvertedResidual(32, 48, { stride: 2, expansion: 2 }),
    new nn.InvertedResidual(48, 48, { expansion: 2 }),
    new nn.InvertedResidual(48, 64, { stride: 2, expansion: 2 }),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(64, 10),
  );
  forward(image: Tensor): Tensor {
    return this.layers.forward(image);
  }
}

/** Both learn from the same batches; neither sees the other. */
class Both extends nn.Module {
  plain = new PlainNet();
  mobile = new MobileNet();
  forward(image: Tensor): Tensor {
    return this.mobile.forward(image);
  }
}

export default defineJob({
  name: 'mobilenet',
  seed: 1,
  data: () => ({
    train: data.glyphs({ split: 'train', length: 6000 }),
    test: data.glyphs({ split: 'test', length: 1000 }),
  }),
  model: () => new Both(),
  batch: { size: 64 },
  epochs: 3,
  optimizer: optim.adamW({ lr: optim.cosine({ peak: 5e-3, warmupSteps: 30 }), weightDecay: 0.01 }),
  step: ({ model, batch }) => {
    const [plain, mobile] = [model.plain.forward(batch.image), model.mobile.forward(batch.image)];
    return {
      loss: loss.crossEntropy(plain, batch.label).add(loss.crossEntropy(mobile, batch.label)),
      accuracy: metrics.accuracy(mobile, batch.label),
      plainAccuracy: metrics.accuracy(plain, batch.label),
    };
  },
});

const cost = (network: nn.Layer): number => multiplyAdds(network.forward(ops.zeros([1, 1, 28, 28])));

export const example: Example = {
  system: 'depthwise separable convolution',
  figures: [
    { name: 'test accuracy', percent: true, atLeast: 0.95, of: metric('accuracy') },
    {
      name: 'accuracy behind the plain network',
      percent: true,
      atMost: 0.01,
      of: ({ metrics: { accuracy, plainAccuracy } }) => (plainAccuracy as number) - (accuracy as number),
    },
    { name: 'multiply-adds of the plain network', of: () => cost(new PlainNet()) },
    { name: 'multiply-adds', of: () => cost(new MobileNet()) },
    {
      name: 'share of its multiply-adds',
      percent: true,
      atMost: 1 / 3,
      of: () => cost(new MobileNet()) / cost(new PlainNet()),
    },
  ],
};
