import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LoadedModel } from '@lockstep/coordinator';
import { data, defineJob, loss, metrics, ops, optim, type Tensor } from '@lockstep/core';
import type { Figure } from './example.ts';
import { greedyDecode } from './greedy.ts';
import {
  end,
  longestSource,
  longestTarget,
  type Phrase,
  phrase,
  phraseIds,
  start,
  targetWords,
} from './phrase-grammar.ts';
import { heatMap } from './svg.ts';
import { Translator, type TranslatorOptions } from './translator.ts';

export function phrases(split: 'train' | 'test', count: number, seed: number) {
  const rows = Array.from({ length: count }, (_, i) => phraseIds(phrase(split, seed, i)));
  const field = (name: 'source' | 'input' | 'target', length: number) => ({
    data: Int32Array.from(rows.flatMap((row) => row[name])),
    shape: [count, length],
  });
  return data.arrays({
    source: field('source', longestSource),
    input: field('input', longestTarget),
    target: field('target', longestTarget),
  });
}

/**
 * 1 for a sentence whose every word is the likeliest after the right words before it: just those that greedy decoding gets right as a
 * whole.
 */
function exactMatch(logits: Tensor, target: Tensor): Tensor {
  const wrong = ops.full([], 1).sub(metrics.accuracy(logits, target).values);
  const real = ops.minimum(target.to('f32'), ops.full([], 1));
  return ops.equal(wrong.mul(real).sum(1), ops.full([], 0));
}

/** Translating phrases of a generated grammar. */
export const translationJob = (name: string, options: TranslatorOptions = {}) =>
  defineJob({
    name,
    seed: 1,
    data: ({ seed }) => ({ train: phrases('train', 16_000, seed), test: phrases('test', 1000, seed) }),
    model: () => new Translator(options),
    batch: { size: 64 },
    epochs: 4,
    optimizer: optim.adamW({ lr: optim.cosine({ peak: 3e-3, warmupSteps: 100 }), betas: [0.9, 0.98] }),
    clipNorm: 1,
    step: ({ model, batch }) => {
      const logits = model.forward(batch.source, batch.input);
      return {
        loss: loss.crossEntropy(logits, batch.target, { ignoreIndex: 0 }),
        exactMatch: exactMatch(logits, batch.target),
      };
    },
    predict: ({ model, batch }) => ({
      output: model.forward(batch.source, batch.input),
      attention: model.attention(batch.source, batch.input),
    }),
  });

const words = (ids: readonly number[], known: readonly string[]): string[] => ids.map((id) => known[id] as string);

/** Translations of the first phrases of the test split, as a model makes them one word after the other. */
export async function translate(model: LoadedModel, count: number, seed: number) {
  const wanted = Array.from({ length: count }, (_, i): Phrase => phrase('test', seed, i));
  const sources = wanted.map((each) => phraseIds(each).source);
  const ids = await greedyDecode(model, sources, { start, end, length: longestTarget });
  return wanted.map(({ source, target }, i) => ({
    source,
    target,
    translation: words(ids[i] as number[], targetWords),
  }));
}

/** Which source words each word of a phrase's translation looks at, as an SVG. */
export async function attentionMap(model: LoadedModel, example: Phrase): Promise<string> {
  const { source, input } = phraseIds(example);
  const { attention } = await model.predict({ source: [source], input: [input] });
  if (!attention) throw new Error('the model has no attention');
  const rows = [...example.target, '(end)'];
  return heatMap({
    title: 'Attention of the translation (rows) to the phrase (columns)',
    rows,
    columns: example.source,
    values: rows.map((_, row) =>
      attention.data.subarray(row * longestSource, row * longestSource + example.source.length),
    ),
  });
}

/** Exact matches among the first phrases of the test split, each translated word by word; draws where the longest of them looks. */
export const exactMatchFigure = (svgPath: string): Figure => ({
  name: 'exact match of greedy translations',
  atLeast: 0.95,
  percent: true,
  async of({ model, seed }) {
    const translations = await translate(model, 500, seed);
    const longest = translations.reduce((a, b) => (b.source.length > a.source.length ? b : a));
    mkdirSync(dirname(svgPath), { recursive: true });
    writeFileSync(svgPath, await attentionMap(model, longest));
    const right = translations.filter(({ target, translation }) => target.join(' ') === translation.join(' '));
    return right.length / translations.length;
  },
});
