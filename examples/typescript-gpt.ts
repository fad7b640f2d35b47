import { data, defineJob, loss, optim } from '@lockstep/core';
import { declarationFiles } from './support/declarations.ts';
import type { Example } from './support/example.ts';
import { Gpt } from './support/gpt.ts';
import { conditionalEntropy } from './support/ngram.ts';

const context = 64;

/** A small GPT that learns to write TypeScript declarations from those of the installed TypeScript. */
const job = defineJob({
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

export default job;

export const example: Example = {
  system: 'language model',
  seeds: [1],
  figures: [
    {
      name: "loss on held-out text, over its trigrams' entropy",
      atMost: 1,
      async of({ metrics, seed }) {
        const { test } = await job.data({ path: undefined, seed });
        return (metrics.loss as number) / conditionalEntropy(test.text, 3);
      },
    },
  ],
};
