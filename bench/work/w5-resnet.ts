import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { classes, floats } from './numbers.ts';

const samples = 512;

/** W5: ResNet-20 in He et al.'s form for CIFAR (shortcuts without parameters), 3 x 32 x 32; batch 128, SGD with momentum. */
class ResNet20 extends nn.Module {
  conv = new nn.Conv2d(3, 16, 3, { padding: 1, bias: false });
  norm = new nn.BatchNorm2d(16);
  blocks = [16, 32, 64].flatMap((width, stage) =>
    [0, 1, 2].map((i) => {
      const first = i === 0 && stage > 0;
      return new nn.BasicBlock(first ? width / 2 : width, width, { stride: first ? 2 : 1, shortcut: 'padding' });
    }),
  );
  head = new nn.Linear(64, 10);
  forward(image: Tensor): Tensor {
    let x = this.norm.forward(this.conv.forward(image)).relu();
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(x.mean([2, 3]));
  }
}

export default defineJob({
  name: 'w5-resnet',
  data: () => ({
    train: data.arrays({
      image: { data: floats(samples * 3072), shape: [samples, 3, 32, 32] },
      label: { data: classes(samples, 10), shape: [samples] },
    }),
  }),
  model: () => new ResNet20(),
  batch: { size: 128 },
  steps: 100,
  optimizer: optim.sgd({ lr: 0.1, momentum: 0.9 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.image), batch.label) }),
});
