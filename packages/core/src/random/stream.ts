import { cos, log, sin } from '../math/index.ts';
import type { Key } from './keys.ts';
import { philox4x32 } from './philox.ts';

const words = new Uint32Array(4);
const twoPi = 6.283185307179586;

/**
 * Numbers by place instead of by turn: element i of a stream depends on key, stream and i alone. Nothing is remembered
 * between calls.
 */
export class RandomStream {
  readonly #key: Key;
  readonly #stream: number;

  constructor(key: Key, stream: number) {
    this.#key = key;
    this.#stream = stream >>> 0;
  }

  /** u32 at place i. */
  word(i: number): number {
    const block = Math.floor(i / 4);
    philox4x32(block >>> 0, this.#stream, Math.floor(block / 2 ** 32), 0, this.#key[0], this.#key[1], words);
    return words[i % 4] as number;
  }

  /** In [0, 1), a multiple of 2^-24. */
  uniform(i: number): number {
    return (this.word(i) >>> 8) * 2 ** -24;
  }

  /** Mean 0, variance 1: Box-Muller over pairs of places. */
  normal(i: number): number {
    const even = i - (i % 2);
    const radius = Math.sqrt(-2 * log(((this.word(even) >>> 8) + 1) * 2 ** -24));
    const angle = twoPi * this.uniform(even + 1);
    return radius * (i % 2 === 0 ? cos(angle) : sin(angle));
  }

  fillUniform(values: Float32Array, low: number, high: number): void {
    for (let i = 0; i < values.length; i++) values[i] = low + (high - low) * this.uniform(i);
  }

  fillNormal(values: Float32Array, mean: number, std: number): void {
    for (let i = 0; i < values.length; i++) values[i] = mean + std * this.normal(i);
  }
}
