import { data, defineJob, loss, nn, optim, random, type Tensor } from '@lockstep/core';

const [samples, time, features, hidden, classes] = [128, 64, 64, 256, 64];

class Tagger extends nn.Module {
  lstm = new nn.LSTM(features, hidden);
  head = new nn.Linear(hidden, classes);

  forward(x: Tensor): Tensor {
    const [output] = this.lstm.forward(x);
    return this.head.forward(output);
  }
}

/** W4: LSTM with input 64, hidden 256, sequence 64, batch 32, dense 64 at each step, cross-entropy, Adam. */
export default defineJob({
  name: 'w4-lstm',
  data: () => {
    const stream = new random.RandomStream([1, 2], 1);
    const x = new Float32Array(samples * time * features);
    stream.fillNormal(x, 0, 1);
    const label = Int32Array.from({ length: samples * time }, (_, i) => (i * 2654435761) % classes);
    return {
      train: data.arrays({
        x: { data: x, shape: [samples, time, features] },
        label: { data: label, shape: [samples, time] },
      }),
    };
  },
  model: () => new Tagger(),
  batch: { size: 32 },
  steps: 100,
  optimizer: optim.adam({ lr: 1e-3 }),
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.x), batch.label) }),
});
