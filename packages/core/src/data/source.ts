/** One training example: a number, an array of numbers or a typed array by field name. Typed arrays say their dtype. */
export type Sample = Readonly<Record<string, number | readonly number[] | Float32Array | Int32Array | Uint8Array>>;

/** Data by index. `sample(i)` must be pure: it may be called in any order, twice, and on another thread. */
export interface DataSource<S extends Sample = Sample> {
  readonly length: number;
  /** The returned arrays may be reused by the next call; they are copied before it. */
  sample(index: number): S | Promise<S>;
  /** Shapes of fields whose arrays have more than one dimension, e.g. `{ image: [1, 28, 28] }`. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Hash of the data's bytes: part of the run's identity. Absent: evenly spaced samples are hashed. */
  readonly digest?: string;
}

/** Data without an index, in its own order: read through a seeded shuffle buffer, resumed by skipping what was read. */
export interface StreamSource {
  /** From the beginning, the same samples each time. */
  stream(): AsyncIterable<Sample>;
  /** Samples kept to draw from; default 0: the stream's own order. */
  readonly shuffleBuffer?: number;
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  readonly digest?: string;
}
