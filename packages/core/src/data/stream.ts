import { DataError, UsageError } from '../errors.ts';
import { deriveKey } from '../random/keys.ts';
import { RandomStream } from '../random/stream.ts';
import type { DataSource, Sample } from './source.ts';

export interface StreamOptions {
  /** Samples kept to draw the next one from; default 0: the stream's own order. */
  readonly shuffleBuffer?: number;
  /** Of the draws; pass on the one that `data` was given, so that runs with other seeds see other orders. Default 0. */
  readonly seed?: number;
  /** Shapes of fields whose arrays have more than one dimension. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Hash of the data's bytes. Absent: the first samples are hashed. */
  readonly digest?: string;
}

/**
 * Training data without an index: read in its own order through a seeded shuffle buffer, begun again where it ends. A resumed run skips
 * what was read. Its length is not known, so a job on it has `steps` and no `epochs`.
 *
 * @param open gives the samples from the beginning, the same ones each time; the arrays of a sample may be reused for the next
 * @throws UsageError if `shuffleBuffer` is not a whole number of at least 0
 */
export function stream<S extends Sample>(
  open: () => AsyncIterable<S> | Iterable<S>,
  { shuffleBuffer = 0, seed = 0, shapes, digest }: StreamOptions = {},
): DataSource<S> {
  if (!Number.isSafeInteger(shuffleBuffer) || shuffleBuffer < 0)
    throw new UsageError(`data.stream: shuffleBuffer must be a whole number of at least 0, not ${shuffleBuffer}.`);
  const reader = new StreamReader(open, shuffleBuffer, new RandomStream(deriveKey(seed, 'shuffle'), 0));
  return {
    length: Number.POSITIVE_INFINITY,
    sequential: true,
    sample: (index) => reader.at(index),
    ...(shapes && { shapes }),
    ...(digest && { digest }),
  };
}

/** Sample 0, 1, 2 ... of the shuffled stream. Which one is at a place depends on stream, buffer and seed alone. */
class StreamReader<S extends Sample> {
  readonly #open: () => AsyncIterable<S> | Iterable<S>;
  readonly #size: number;
  readonly #draws: RandomStream;
  #iterator: AsyncIterator<S> | Iterator<S> | undefined;
  #pulledSinceOpen = 0;
  #buffer: S[] = [];
  #next = 0;

  constructor(open: () => AsyncIterable<S> | Iterable<S>, size: number, draws: RandomStream) {
    this.#open = open;
    this.#size = size;
    this.#draws = draws;
  }

  /** Going back means to begin again. */
  async at(index: number): Promise<S> {
    if (index < this.#next) await this.#restart();
    while (this.#next < index) await this.#produce();
    return this.#produce();
  }

  async #restart(): Promise<void> {
    await this.#iterator?.return?.();
    this.#iterator = undefined;
    this.#buffer = [];
    this.#next = 0;
  }

  async #produce(): Promise<S> {
    const place = this.#next++;
    if (this.#size < 2) return this.#pull();
    while (this.#buffer.length < this.#size) this.#buffer.push(structuredClone(await this.#pull()));
    const drawn = Math.floor(this.#draws.uniform(place) * this.#size);
    const sample = this.#buffer[drawn] as S;
    this.#buffer[drawn] = structuredClone(await this.#pull());
    return sample;
  }

  async #pull(): Promise<S> {
    for (;;) {
      if (!this.#iterator) {
        const samples = this.#open();
        this.#iterator = Symbol.asyncIterator in samples ? samples[Symbol.asyncIterator]() : samples[Symbol.iterator]();
        this.#pulledSinceOpen = 0;
      }
      const { done, value } = await this.#iterator.next();
      if (!done) {
        this.#pulledSinceOpen++;
        return value;
      }
      this.#iterator = undefined;
      if (this.#pulledSinceOpen === 0)
        throw new DataError('data.stream: the stream is empty: let it give at least one sample.');
    }
  }
}
