import { data, defineJob, loss, optim } from '@lockstep/core';
import { Gpt } from './gpt-model.ts';
import { classes } from './numbers.ts';

interface GptWork {
  readonly name: string;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  readonly context: number;
  readonly batch: number;
}

const vocabulary = 65;

/** A character-level GPT: tied weights, no biases, GELU, AdamW, clipped to norm 1. */
export function gptJob({ name, layers, heads, width, context, batch }: GptWork) {
  const samples = 8 * batch;
  const field = (seed: number) => ({ data: classes(samples * context, vocabulary, seed), shape: [samples, context] });
  return defineJob({
    name,
    data: () => ({ train: data.arrays({ input: field(1), target: field(2) }) }),
    model: () => new Gpt({ vocabulary, context, layers, heads, width }),
    batch: { size: batch },
    steps: 100,
    optimizer: optim.adamW({ lr: 1e-3, weightDecay: 0.1 }),
    clipNorm: 1,
    step: ({ model, batch }) => ({ loss: loss.crossEntropy(model.forward(batch.input), batch.target) }),
  });
}
