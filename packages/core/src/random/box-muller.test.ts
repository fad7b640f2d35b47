import { expect, test } from 'vitest';
import { cos, log, sin } from '../math/index.ts';
import { normalPair } from './box-muller.ts';
import { philox4x32 } from './philox.ts';

/** As it is written in books, with the functions of math/. */
function byTheBook(word0: number, word1: number): [number, number] {
  const radius = Math.sqrt(-2 * log((word0 >>> 8) * 2 ** -24 + 2 ** -24));
  const angle = 6.283185307179586 * ((word1 >>> 8) * 2 ** -24);
  return [radius * cos(angle), radius * sin(angle)];
}

const pair = new Float64Array(2);

/** Compared by Object.is, as bits would be: there is no NaN among them. */
function expectBookBits(word0: number, word1: number): void {
  normalPair(word0, word1, pair);
  const [x, y] = byTheBook(word0, word1);
  // An assertion takes a hundred times as long as a pair.
  if (!Object.is(pair[0], x) || !Object.is(pair[1], y)) expect([...pair], `${word0} ${word1}`).toEqual([x, y]);
}

test('the bits of log, sin and cos, for random words', () => {
  const words = new Uint32Array(4);
  for (let i = 0; i < 20_000; i++) {
    philox4x32(i, 0, 0, 0, 1, 2, words);
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    expectBookBits(a, b);
    expectBookBits(c, d);
  }
});

test('and at the ends of both ranges, of every octave and of every quadrant', () => {
  const edges = Array.from({ length: 33 }, (_, e) => [2 ** e - 257, 2 ** e - 1, 2 ** e, 2 ** e + 256]).flat();
  const inRange = [0, ...edges].filter((word) => word >= 0 && word < 2 ** 32);
  const quadrants = Array.from({ length: 17 }, (_, q) => [q * 2 ** 28 - 256, q * 2 ** 28]).flat();
  const angles = quadrants.filter((word) => word >= 0 && word < 2 ** 32);
  for (const a of inRange) for (const b of angles) expectBookBits(a, b);
});
