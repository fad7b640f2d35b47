import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { classes, floats } from './numbers.ts';

const samples = 1024;

/** W2: 1 x 28 x 28, convolutions 3 x 3 to 32 and 64 channels without padding, max pooling, 128 and 10 units; batch 128, Adam. */
class Net extends nn.Module {
  conv1 = new nn.Conv2d(1, 32, 3);
  conv2 = new nn.Conv2d(32, 64, 3);
  hidden = new nn.Linear(64 * 12 * 12, 128);
  head = new nn.Linear(128, 10);
  forward(image: Tensor): Tensor {
    const features = this.conv2.forward(this.conv1.forward(image).relu()).relu().maxPool2d(2).flatten(1);
    return this.head.forward(this.hidden.forward(features).relu());
  }
}

export default defineJob({
  name: 'w2-cnn',
  data: () => ({
    train: data.arrays({
      image: { data: floats(samples * 784), shape: [samples, 1, 28, 28] },
      label: { data: classes(samples, 10), shape: [samples] },
    }),
  }),
  model: () => new Net(),
  batch: { size: 128 },
  steps: 100,
  optimizer: optim.adam({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.image), batch.label) }),
});
