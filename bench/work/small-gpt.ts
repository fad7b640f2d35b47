import { data, defineJob, loss, optim } from '@lockstep/core';
import { declarationFiles } from '../../examples/support/declarations.ts';
import { Gpt } from '../../examples/support/gpt.ts';

const context = 32;
const source = { path: declarationFiles().find((file) => file.endsWith('lib.dom.d.ts')) as string, context };

/** The GPT of examples/char-gpt.ts with its settings, but half as deep and a third as wide: some seconds of training. */
export default defineJob({
  name: 'small-gpt',
  seed: 1,
  data: () => ({
    train: data.text({ ...source, split: { from: 0, to: 0.95 } }),
    test: data.text({ ...source, split: { from: 0.95, to: 1 }, stride: 8 * context }),
  }),
  model: ({ data: { train } }) =>
    new Gpt({ vocabulary: train.vocabulary.length, context, layers: 2, heads: 2, width: 48 }),
  batch: { size: 12 },
  steps: 200,
  optimizer: optim.adamW({
    lr: optim.cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 100 }),
    betas: [0.9, 0.99],
    weightDecay: 0.1,
    groups: [{ params: ({ shape }) => shape.length < 2, weightDecay: 0 }],
  }),
  clipNorm: 1,
  evalEvery: 10_000,
  step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.input), batch.target) }),
});
