import { data, defineJob, loss, nn, optim, type Tensor } from '@lockstep/core';
import { classes, floats } from './numbers.ts';

const [samples, time] = [256, 64];

/** W4: LSTM from 64 to 256 over 64 steps, 64 classes at each step; batch 32, Adam. */
class Tagger extends nn.Module {
  lstm = new nn.LSTM(64, 256);
  head = new nn.Linear(256, 64);
  forward(x: Tensor): Tensor {
    return this.head.forward(this.lstm.forward(x)[0]);
  }
}

export default defineJob({
  name: 'w4-lstm',
  data: () => ({
    train: data.arrays({
      x: { data: floats(samples * time * 64), shape: [samples, time, 64] },
      label: { data: classes(samples * time, 64), shape: [samples, time] },
    }),
  }),
  model: () => new Tagger(),
  batch: { size: 32 },
  steps: 100,
  optimizer: optim.adam({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});
