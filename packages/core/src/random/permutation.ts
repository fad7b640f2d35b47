import type { Key } from './keys.ts';
import { philox4x32 } from './philox.ts';

const words = new Uint32Array(4);
const rounds = 6;

/**
 * Where position `position` of a shuffled [0, n) comes from. A Feistel network over the next power of four permutes; places
 * beyond n are walked over (each walk ends, as the network is a permutation). No memory grows with n.
 *
 * @param n number of samples, up to 2^48
 */
export function permutationIndex(n: number, key: Key, position: number): number {
  if (n <= 1) return 0;
  let half = 1;
  while (4 ** half < n) half++;
  const size = 2 ** half;
  let place = position;
  do {
    let left = Math.floor(place / size);
    let right = place % size;
    for (let round = 0; round < rounds; round++) {
      philox4x32(right, round, 0, 0, key[0], key[1], words);
      [left, right] = [right, (left ^ (words[0] as number)) & (size - 1)];
    }
    place = left * size + right;
  } while (place >= n);
  return place;
}
