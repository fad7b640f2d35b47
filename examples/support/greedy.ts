import type { LoadedModel } from '@lockstep/coordinator';

export interface GreedyOptions {
  readonly start: number;
  readonly end: number;
  /** Ids of a translation at most, the end mark among them. */
  readonly length: number;
}

/**
 * Translates each source by taking the likeliest id at every place, up to the end mark (which is left out). The model reads `source` and
 * `input` and gives logits `[rows, length, vocabulary]` as `output`.
 */
export async function greedyDecode(
  model: LoadedModel,
  sources: readonly (readonly number[])[],
  { start, end, length }: GreedyOptions,
): Promise<number[][]> {
  const inputs = sources.map(() => [start, ...Array<number>(length - 1).fill(0)]);
  const results = sources.map((): number[] => []);
  const open = new Set(sources.keys());
  for (let t = 0; t < length && open.size > 0; t++) {
    const rows = [...open];
    const { output } = await model.predict({
      source: rows.map((i) => sources[i] as number[]),
      input: rows.map((i) => inputs[i] as number[]),
    });
    if (!output) throw new Error('the model has no output');
    const vocabulary = output.shape.at(-1) as number;
    rows.forEach((i, row) => {
      const from = (row * length + t) * vocabulary;
      const id = likeliest(output.data.subarray(from, from + vocabulary));
      if (id === end) open.delete(i);
      else results[i]?.push(id);
      if (t + 1 < length) (inputs[i] as number[])[t + 1] = id;
    });
  }
  return results;
}

function likeliest(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id;
  return best;
}
