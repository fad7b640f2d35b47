import { expect, test } from 'vitest';
import { conditionalEntropy } from './ngram.ts';

test('a text whose next character is always certain has no entropy', () => {
  expect(conditionalEntropy('abababab', 2)).toBe(0);
  expect(conditionalEntropy('aabaabaab', 3)).toBe(0);
  expect(conditionalEntropy('aaaa', 1)).toBe(0);
});

test('by hand', () => {
  // Four characters, each a quarter: ln 4.
  expect(conditionalEntropy('abcd', 1)).toBeCloseTo(Math.log(4), 14);
  // After a: b, b, c; after b: a, a. 3 of 5 bigrams have H(1/3, 2/3).
  const afterA = (2 * Math.log(3 / 2) + Math.log(3)) / 3;
  expect(conditionalEntropy('ababac', 2)).toBeCloseTo((3 / 5) * afterA, 14);
  // Trigrams aba, bab, aba, bac: after ba one b and one c.
  expect(conditionalEntropy('ababac', 3)).toBeCloseTo((2 / 4) * Math.log(2), 14);
});

test("more context never knows less, up to the text's ends", () => {
  const text = 'the quick brown fox jumps over the lazy dog and the slow brown bear naps under the old tree '.repeat(
    20,
  );
  const [one, two, three] = [1, 2, 3].map((order) => conditionalEntropy(text, order)) as [number, number, number];
  expect(two).toBeLessThan(one);
  expect(three).toBeLessThan(two);
});

test('code points count once, and a text without an n-gram is refused', () => {
  expect(conditionalEntropy('😀😁😀😁', 1)).toBeCloseTo(Math.LN2, 14);
  expect(() => conditionalEntropy('ab', 3)).toThrow('A text of 2 characters has no n-grams of order 3');
});
