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
function bits(word0: number, word1: number): bigint[] {
  normalPair(word0, word1, pair);
  return [...new BigUint64Array(pair.slice().buffer)];
}
const bookBits = (word0: number, word1: number): bigint[] => [
  ...new BigUint64Array(Float64Array.from(byTheBook(word0, word1)).buffer),
];

test('the bits of log, sin and cos, for random words', () => {
  const words = new Uint32Array(4);
  for (let i = 0; i < 20_000; i++) {
    philox4x32(i, 0, 0, 0, 1, 2, words);
    const [a, b, c, d] = words as unknown as [number, number, number, number];
    expect(bits(a, b), `${a} ${b}`).toEqual(bookBits(a, b));
    expect(bits(c, d), `${c} ${d}`).toEqual(bookBits(c, d));
  }
});

test('and at the ends of both ranges, of every octave and of every quadrant', () => {
  const edges = Array.from({ length: 33 }, (_, e) => [2 ** e - 257, 2 ** e - 1, 2 ** e, 2 ** e + 256]).flat();
  const inRange = [0, ...edges].filter((word) => word >= 0 && word < 2 ** 32);
  const quadrants = Array.from({ length: 17 }, (_, q) => [q * 2 ** 28 - 256, q * 2 ** 28]).flat();
  const angles = quadrants.filter((word) => word >= 0 && word < 2 ** 32);
  for (const a of inRange) for (const b of angles) expect(bits(a, b), `${a} ${b}`).toEqual(bookBits(a, b));
});
