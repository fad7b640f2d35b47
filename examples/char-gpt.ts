import { fileURLToPath } from 'node:url';
import { data, defineJob, loss, optim } from '@lockstep/core';
import { Gpt } from './support/gpt.ts';

const context = 64;

/** A small GPT on characters with nanoGPT's settings for one CPU. `--data FILE` takes any text. */
export default defineJob({
  name: 'char-gpt',
  seed: 1,
  data: ({ path = fileURLToPath(new URL('../test/data/text.txt', import.meta.url)) }) => ({
    train: data.text({ path, context, split: { from: 0, to: 0.9 } }),
    test: data.text({ path, context, split: { from: 0.9, to: 1 }, stride: context }),
  }),
  model: ({ data: { train } }) =>
    new Gpt({ vocabulary: train.vocabulary.length, context, layers: 4, heads: 4, width: 128 }),
  batch: { size: 12 },
  steps: 2000,
  optimizer: optim.adamW({
    lr: optim.cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 100 }),
    betas: [0.9, 0.99],
    weightDecay: 0.1,
    groups: [{ params: ({ shape }) => shape.length < 2, weightDecay: 0 }],
  }),
  clipNorm: 1,
  evalEvery: 500,
  step: ({ model, batch }) => ({
    loss: loss.crossEntropy(model.forward(batch.input), batch.target),
  }),
});
