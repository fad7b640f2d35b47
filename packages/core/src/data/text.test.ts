import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DataError } from '../errors.ts';
import type { Sample } from './source.ts';
import { text } from './text.ts';

const lists = (sample: Sample | Promise<Sample>) =>
  Object.fromEntries(Object.entries(sample).map(([name, value]) => [name, Array.from(value as Int32Array)]));

test('every offset is a sample, its target one character further', () => {
  const source = text({ text: 'banana', context: 3 });
  expect(source.vocabulary).toEqual(['a', 'b', 'n']);
  expect(source.length).toBe(3);
  expect(lists(source.sample(0))).toEqual({ input: [1, 0, 2], target: [0, 2, 0] });
  expect(lists(source.sample(2))).toEqual({ input: [2, 0, 2], target: [0, 2, 0] });
  expect((source.sample(0) as Sample).input).toBeInstanceOf(Int32Array);
});

test('windows side by side leave out what does not fill one', () => {
  const source = text({ text: '0123456789', context: 4, stride: 4 });
  expect(source.length).toBe(2);
  expect(lists(source.sample(1))).toEqual({ input: [4, 5, 6, 7], target: [5, 6, 7, 8] });
  expect(text({ text: '012345678', context: 4, stride: 4 }).length).toBe(2);
  expect(text({ text: '01234567', context: 4, stride: 4 }).length).toBe(1);
});

test('splits share the vocabulary of the whole text and do not overlap', () => {
  const whole = 'aaaaabbbbb';
  const [train, held] = [
    text({ text: whole, context: 2, split: { from: 0, to: 0.5 } }),
    text({ text: whole, context: 2, split: { from: 0.5, to: 1 } }),
  ];
  expect(train.vocabulary).toEqual(held.vocabulary);
  expect(train.text + held.text).toBe(whole);
  expect(train.digest).not.toBe(held.digest);
});

test('characters are code points; encode and decode are inverse', () => {
  const source = text({ text: 'a😀é\n', context: 1 });
  expect(source.vocabulary).toEqual(['\n', 'a', 'é', '😀']);
  expect([...source.encode('😀a')]).toEqual([3, 1]);
  expect(source.decode(source.encode('é😀\n'))).toBe('é😀\n');
  expect(() => source.encode('z')).toThrow('character "z" is not in the vocabulary');
});

test('the digest tells texts and ways of reading them apart', () => {
  const digests = [
    text({ text: 'banana', context: 3 }),
    text({ text: 'banane', context: 3 }),
    text({ text: 'banana', context: 2 }),
    text({ text: 'banana', context: 3, stride: 2 }),
    text({ text: 'banana', context: 3, vocabulary: ['b', 'a', 'n'] }),
  ].map(({ digest }) => digest);
  expect(new Set(digests).size).toBe(5);
  expect(text({ text: 'banana', context: 3 }).digest).toBe(digests[0]);
});

test('files are read one after the other; a missing or short one is named', () => {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [one, two, missing] = ['one.txt', 'two.txt', 'missing.txt'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(one, 'abc');
  writeFileSync(two, '');
  expect(text({ paths: [one, one], context: 2 }).text).toBe('abc\nabc');
  expect(() => text({ path: two, context: 2 })).toThrow(`${two} has 0 characters in this split, a sample needs 3`);
  expect(() => text({ path: missing, context: 2 })).toThrow(`cannot read ${missing} (ENOENT)`);
  expect(() => text({ path: missing, context: 2 })).toThrow(DataError);
});

test.each([
  [{ context: 0 }, 'context must be a whole number of at least 1, not 0'],
  [{ context: 1, stride: 0.5 }, 'stride must be a whole number of at least 1, not 0.5'],
  [{ context: 1, split: { from: 0.9, to: 0.1 } }, 'split { from: 0.9, to: 0.1 } must be a part of 0 to 1'],
])('%j is refused', (options, message) => expect(() => text({ text: 'banana', ...options })).toThrow(message));
