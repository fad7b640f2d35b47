import { UsageError } from '../errors.ts';
import type { Key } from './keys.ts';
import { philox4x32 } from './philox.ts';

const words = new Uint32Array(4);
/** Four give a pseudorandom permutation where the round function is one (Luby and Rackoff 1988); two more for tiny halves. */
const rounds = 6;
/** Two halves of 24 bits, which a 32-bit mask can cut. */
const largest = 2 ** 48;

/**
 * Where position `position` of a shuffled [0, n) comes from. A Feistel network over the next power of four permutes; places
 * beyond n are walked over (each walk ends, as the network is a permutation). No memory grows with n.
 *
 * @param n number of samples, up to 2^48
 * @param position whole number in [0, n)
 * @throws UsageError if one of the two is out of range
 */
export function permutationIndex(n: number, key: Key, position: number): number {
  if (!Number.isInteger(n) || n > largest || !Number.isInteger(position) || position < 0 || position >= n) {
    throw new UsageError(
      `There is no position ${position} in a permutation of ${n}; it must be in [0, n), n at most 2^48.`,
    );
  }
  if (n === 1) return 0;
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
