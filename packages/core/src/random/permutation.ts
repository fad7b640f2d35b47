import { UsageError } from '../errors.ts';
import type { Key } from './keys.ts';
import { philox4x32 } from './philox.ts';

const words = new Uint32Array(4);
/** Four give a pseudorandom permutation where the round function is one (Luby and Rackoff 1988); two more for tiny halves. */
const rounds = 6;
/** Two halves of 24 bits, which a 32-bit mask can cut. */
const largest = 2 ** 48;
/** Halves up to this size (n up to 2^26) keep what their rounds gave: at most 192 KiB, and each value serves many positions. */
const mostKept = 2 ** 13;

/**
 * A shuffled [0, n). A Feistel network over the next power of four permutes; places beyond n are walked over (each walk ends, as the network
 * is a permutation). Memory does not grow with n beyond a table for its rounds.
 */
export class Permutation {
  readonly #n: number;
  readonly #key: Key;
  /** Places of a half. */
  readonly #size: number;
  /** By round and half: what the round gives, -1 where it was not asked for yet. */
  readonly #kept: Int32Array;

  /** @param n number of places, a whole number in [1, 2^48]; anything else is refused by `at` */
  constructor(n: number, key: Key) {
    let half = 1;
    while (4 ** half < n && half < 24) half++;
    this.#n = n;
    this.#key = key;
    this.#size = 2 ** half;
    this.#kept = new Int32Array(this.#size > mostKept ? 0 : rounds * this.#size).fill(-1);
  }

  /**
   * Where position `position` comes from.
   *
   * @param position whole number in [0, n)
   * @throws UsageError if it or n is out of range
   */
  at(position: number): number {
    const n = this.#n;
    if (!Number.isInteger(n) || n > largest || !Number.isInteger(position) || position < 0 || position >= n) {
      throw new UsageError(
        `There is no position ${position} in a permutation of ${n}; it must be in [0, n), n at most 2^48.`,
      );
    }
    if (n === 1) return 0;
    const size = this.#size;
    let place = position;
    do {
      let left = Math.floor(place / size);
      let right = place % size;
      for (let round = 0; round < rounds; round++) {
        [left, right] = [right, (left ^ this.#round(round, right)) & (size - 1)];
      }
      place = left * size + right;
    } while (place >= n);
    return place;
  }

  #round(round: number, half: number): number {
    const at = round * this.#size + half;
    const kept = this.#kept[at];
    if (kept !== undefined && kept >= 0) return kept;
    philox4x32(half, round, 0, 0, this.#key[0], this.#key[1], words);
    const bits = (words[0] as number) & (this.#size - 1);
    if (kept !== undefined) this.#kept[at] = bits;
    return bits;
  }
}
