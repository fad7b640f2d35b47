import { data, defineJob, loss, optim } from '@lockstep/core';
import { declarationFiles } from './support/declarations.ts';
import { Gpt } from './support/gpt.ts';

const context = 64;

/** A small GPT that learns to write TypeScript declarations from those of the installed TypeScript. */
export default defineJob({
  name: 'typescript-gpt',
  seed: 1,
  data: ({ path }) => {
    const source = { ...(path === undefined ? { paths: declarationFiles() } : { path }), context };
    return {
      train: data.text({ ...source, split: { from: 0, to: 0.95 } }),
      test: data.text({ ...source, split: { from: 0.95, to: 1 }, stride: context }),
    };
  },
  model: ({ data: { train } }) =>
    new Gpt({ vocabulary: train.vocabulary.length, context, layers: 3, heads: 4, width: 128 }),
  batch: { size: 16 },
  steps: 1200,
  optimizer: optim.adamW({
    lr: optim.cosine({ peak: 3e-3, floor: 1e-4, warmupSteps: 50 }),
    betas: [0.9, 0.99],
    weightDecay: 0.1,
    groups: [{ params: ({ shape }) => shape.length < 2, weightDecay: 0 }],
  }),
  clipNorm: 1,
  evalEvery: 1200,
  step: ({ model, batch }) => ({
    loss: loss.crossEntropy(model.forward(batch.input), batch.target),
  }),
});
