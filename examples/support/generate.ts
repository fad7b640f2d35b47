import type { LoadedModel } from '@lockstep/coordinator';
import { math, random } from '@lockstep/core';

export interface GenerateOptions {
  readonly context: number;
  readonly count: number;
  /** Below 1: likelier characters; default 0.8. */
  readonly temperature?: number;
  readonly seed?: number;
}

/** Draws `count` ids, one after the other, from a model that gives logits `[1, context, vocabulary]`. */
export async function generate(
  model: LoadedModel,
  prompt: readonly number[],
  options: GenerateOptions,
): Promise<number[]> {
  const { context, count, temperature = 0.8, seed = 0 } = options;
  const numbers = random.generator(seed);
  const ids = [...prompt];
  for (let i = 0; i < count; i++) {
    const window = ids.slice(-context);
    const last = window.length - 1;
    // The model takes whole windows; what comes after the last character cannot be seen by it.
    const padded = [...window, ...Array<number>(context - window.length).fill(0)];
    const { output } = await model.predict({ input: [padded] });
    if (!output) throw new Error('the model has no output');
    const vocabulary = output.shape.at(-1) as number;
    ids.push(draw(output.data.subarray(last * vocabulary, (last + 1) * vocabulary), temperature, numbers.uniform()));
  }
  return ids.slice(prompt.length);
}

/** The id at which the cumulated probability passes u. */
function draw(logits: ArrayLike<number>, temperature: number, u: number): number {
  const top = Math.max(...Array.from(logits));
  const weights = Array.from(logits, (x) => math.exp((x - top) / temperature));
  let left = u * weights.reduce((a, b) => a + b, 0);
  for (const [id, weight] of weights.entries()) {
    left -= weight;
    if (left <= 0) return id;
  }
  return weights.length - 1;
}
