import type { DataDescriptor } from './descriptor.ts';

/** One training example: a number, an array of numbers or a typed array by field name. Typed arrays say their dtype. */
export type Sample = Readonly<Record<string, number | readonly number[] | Float32Array | Int32Array | Uint8Array>>;

/** Values of a field. */
export type FieldArray = Float32Array | Int32Array | Uint8Array;

/** Data by index. `sample(i)` must be pure: it may be called in any order, twice, and on another thread. */
export interface DataSource<S extends Sample = Sample> {
  readonly length: number;
  /** The returned arrays may be reused by the next call; they are copied before it. */
  sample(index: number): S | Promise<S>;
  /** Shapes of fields whose arrays have more than one dimension, e.g. `{ image: [1, 28, 28] }`. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Asked for sample 0, 1, 2 ... without end and in no other order (`data.stream`); `length` is infinite then. */
  readonly sequential?: boolean;
  /** Hash of the data's bytes: part of the run's identity. Absent: evenly spaced samples are hashed. */
  readonly digest?: string;
  /** How another machine can open the same data by itself. */
  readonly descriptor?: DataDescriptor;
}
