import { expect, test } from 'vitest';
import {
  end,
  longestSource,
  longestTarget,
  phrase,
  phraseIds,
  sourceWords,
  start,
  targetWords,
} from './phrase-grammar.ts';

const many = (split: 'train' | 'test', count: number) => Array.from({ length: count }, (_, i) => phrase(split, 1, i));
const articles = /^(l|un)[oau]s?$/;

test('every word is known, once', () => {
  for (const words of [sourceWords, targetWords]) expect(new Set(words.slice(3)).size).toBe(words.length - 3);
  for (const { source, target } of many('train', 500)) {
    expect(source.every((word) => sourceWords.indexOf(word) > 2)).toBe(true);
    expect(target.every((word) => targetWords.indexOf(word) > 2)).toBe(true);
    expect(source.length).toBe(target.length);
  }
});

test('word order and agreement', () => {
  for (const { source, target } of many('train', 500)) {
    const verb = target.findIndex((word) => /(it|unt)$/.test(word) && word !== 'kanto');
    const timed = /^(yesterday|today|often|once)$/.test(source[0] as string);
    expect(verb).toBe(target.length - (timed ? 2 : 1));
    // subject before the verb of the source, which is the first word that is no part of a noun phrase
    const subjectPlural = /s$/.test(
      source.slice(timed ? 1 : 0).find((word) => sourceWords.indexOf(word) < 27) as string,
    );
    expect(/unt$/.test(target[verb] as string)).toBe(subjectPlural);
    target.forEach((word, i) => {
      // an article's ending is that of the adjectives behind its noun
      if (!articles.test(word)) return;
      const ending = word.replace(/^(l|un)/, '');
      for (
        let at = i + 2;
        at < verb && /^(pet|gran|rub|vet|jun|blan|kiet|mir)[oau]s?$/.test(target[at] as string);
        at++
      )
        expect(target[at]?.endsWith(ending)).toBe(true);
    });
  }
});

test('the same phrase for the same place, and no phrase in both splits', () => {
  expect(phrase('test', 3, 7)).toEqual(phrase('test', 3, 7));
  expect(phrase('test', 4, 7)).not.toEqual(phrase('test', 3, 7));
  const train = new Set(many('train', 3000).map(({ source }) => source.join(' ')));
  const test = many('test', 1000).map(({ source }) => source.join(' '));
  expect(test.filter((source) => train.has(source))).toEqual([]);
});

test('ids are padded, and the input is the translation one place later', () => {
  const { source, input, target } = phraseIds({ source: ['the', 'cat', 'saw', 'the', 'dog'], target: ['la', 'mila'] });
  expect(source).toHaveLength(longestSource);
  expect(source.slice(5)).toEqual(Array(longestSource - 5).fill(0));
  expect(input.slice(0, 4)).toEqual([start, targetWords.indexOf('la'), targetWords.indexOf('mila'), 0]);
  expect(target.slice(0, 4)).toEqual([targetWords.indexOf('la'), targetWords.indexOf('mila'), end, 0]);
  expect([input, target].every(({ length }) => length === longestTarget)).toBe(true);
  expect(Math.max(...many('train', 2000).map((each) => each.target.length))).toBe(longestTarget - 1);
});
