import { normalPair } from './box-muller.ts';
import type { Fill, FillRequest } from './kernel-fill.ts';
import type { Key } from './keys.ts';
import { philox4x32 } from './philox.ts';

const words = new Uint32Array(4);
const pair = new Float64Array(2);

/**
 * Numbers by place instead of by turn: element i of a stream depends on key, stream and i alone. Nothing is remembered
 * between calls.
 */
export class RandomStream {
  readonly #key: Key;
  readonly #stream: number;
  readonly #fill: Fill | undefined;

  /** @param fill a faster way to the same numbers */
  constructor(key: Key, stream: number, fill?: Fill) {
    this.#key = key;
    this.#stream = stream >>> 0;
    this.#fill = fill;
  }

  /** u32 at place i. */
  word(i: number): number {
    this.#draw(Math.floor(i / 4));
    return words[i % 4] as number;
  }

  /** In [0, 1), a multiple of 2^-24. */
  uniform(i: number): number {
    return toUnit(this.word(i));
  }

  /** Mean 0, variance 1: Box-Muller over pairs of places. */
  normal(i: number): number {
    this.#draw(Math.floor(i / 4));
    const from = i % 4 < 2 ? 0 : 2;
    normalPair(words[from] as number, words[from + 1] as number, pair);
    return pair[i % 2] as number;
  }

  /** Element i becomes low + (high - low) * uniform(i), rounded to f32: where that rounds up, `high` itself can occur. */
  fillUniform(values: Float32Array, low: number, high: number): void {
    if (this.#drawFast('uniform', values, low, high - low)) return;
    for (let i = 0; i < values.length; i++) {
      if (i % 4 === 0) this.#draw(i / 4);
      values[i] = low + (high - low) * toUnit(words[i % 4] as number);
    }
  }

  /** Element i becomes mean + std * normal(i), rounded to f32. */
  fillNormal(values: Float32Array, mean: number, std: number): void {
    if (this.#drawFast('normal', values, mean, std)) return;
    for (let i = 0; i < values.length; i++) {
      if (i % 4 === 0) this.#draw(i / 4);
      if (i % 2 === 0) normalPair(words[i % 4] as number, words[(i % 4) + 1] as number, pair);
      values[i] = mean + std * (pair[i % 2] as number);
    }
  }

  /** Whether there was a faster way. */
  #drawFast(kind: FillRequest['kind'], values: Float32Array, a: number, b: number): boolean {
    this.#fill?.(values, { kind, key: this.#key, stream: this.#stream, a, b });
    return this.#fill !== undefined;
  }

  /** The four words of places 4 * block .. 4 * block + 3. */
  #draw(block: number): void {
    philox4x32(block >>> 0, this.#stream, Math.floor(block / 2 ** 32), 0, this.#key[0], this.#key[1], words);
  }
}

const toUnit = (word: number): number => (word >>> 8) * 2 ** -24;
