import { fileURLToPath } from 'node:url';
import { train } from '@lockstep/coordinator';
import { describe, expect, test } from 'vitest';
import { longestTarget, phrase, phraseIds, targetWords } from '../examples/support/phrase-grammar.ts';
import { attentionMap, translate } from '../examples/support/translation.ts';

const file = (name: string): string => fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url));

describe.each(['translate', 'translate-local', 'vit'])('%s', (name) => {
  test('one digest for 1, 2 and 3 threads, merged shards or not, widened or not', async () => {
    const digests = new Set<string>();
    for (const options of [
      { threads: 1 },
      { threads: 2 },
      { threads: 3, mergeShards: false },
      { threads: 2, widen: false },
    ]) {
      const { digest, model } = await train(file(name), { steps: 4, ...options }).done;
      await model.close();
      digests.add(digest);
    }
    expect(digests.size).toBe(1);
  });
});

test('greedy decoding gets right as a whole what is right word by word after the right words', async () => {
  const { model, metrics } = await train(file('translate'), { steps: 250 }).done;
  try {
    expect(metrics.exactMatch).toBeGreaterThan(0.2);
    const count = 60;
    const rows = Array.from({ length: count }, (_, i) => phraseIds(phrase('test', 1, i)));
    const { output } = await model.predict({
      source: rows.map(({ source }) => source),
      input: rows.map(({ input }) => input),
    });
    const vocabulary = targetWords.length;
    const rightWordByWord = rows.map(({ target }, i) =>
      target.every((id, t) => {
        const from = (i * longestTarget + t) * vocabulary;
        const logits = Array.from(output?.data.subarray(from, from + vocabulary) ?? []);
        return id === 0 || logits.indexOf(Math.max(...logits)) === id;
      }),
    );
    const translations = await translate(model, count, 1);
    expect(translations.map(({ target, translation }) => target.join(' ') === translation.join(' '))).toEqual(
      rightWordByWord,
    );
    expect(rightWordByWord).toContain(true);
    expect(rightWordByWord).toContain(false);
    const example = phrase('test', 1, 0);
    const svg = await attentionMap(model, example);
    expect(svg.match(/<rect [^>]*><title>/g)).toHaveLength((example.target.length + 1) * example.source.length);
    for (const word of [...example.source, ...example.target]) expect(svg).toContain(`>${word}<`);
  } finally {
    await model.close();
  }
});
