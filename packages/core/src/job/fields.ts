import type { DataSource, FieldArray } from '../data/source.ts';
import { DataError } from '../errors.ts';
import type { DType } from '../graph/dim.ts';
import type { FieldSpec } from './spec.ts';

/** The fields of a source from its first sample: typed arrays say their dtype, numbers and plain arrays are f32. */
export async function fieldsOf(source: DataSource): Promise<FieldSpec[]> {
  const sample = await source.sample(0);
  const names = Object.keys(sample);
  if (names.length === 0) throw new DataError('A sample has no fields: return an object of numbers and typed arrays.');
  return names.map((name) => {
    const value = sample[name];
    const shape = source.shapes?.[name] ?? (typeof value === 'number' ? [] : [lengthOf(value, name)]);
    return { name, dtype: dtypeOf(value), shape };
  });
}

function dtypeOf(value: unknown): DType {
  if (value instanceof Int32Array) return 'i32';
  return value instanceof Uint8Array ? 'u8' : 'f32';
}

function lengthOf(value: unknown, name: string): number {
  if (Array.isArray(value) || ArrayBuffer.isView(value)) return (value as unknown as ArrayLike<number>).length;
  throw new DataError(
    `Field "${name}" of a sample is a ${typeof value}: use a number, an array of numbers, or a Float32Array, Int32Array or Uint8Array.`,
  );
}

/** Writes one sample's value into its row. */
export function writeField(into: FieldArray, row: number, size: number, value: unknown, where: () => string): void {
  if (typeof value === 'number' && size === 1) {
    into[row] = value;
    expectKept(into, row, [value], where);
  } else if (
    (Array.isArray(value) || ArrayBuffer.isView(value)) &&
    (value as unknown as ArrayLike<number>).length === size
  ) {
    into.set(value as unknown as ArrayLike<number>, row * size);
    if (value.constructor !== into.constructor) {
      expectKept(into, row * size, value as unknown as ArrayLike<number>, where);
    }
  } else {
    const got =
      typeof value === 'number'
        ? 'a number'
        : value === undefined
          ? 'nothing'
          : `${(value as ArrayLike<number>).length ?? typeof value} values`;
    throw new DataError(`${where()}: ${got} where every sample must have ${size}, as the first one has.`);
  }
}

/** A label 0.5 put into a field of whole numbers would become class 0. */
function expectKept(into: FieldArray, at: number, values: ArrayLike<number>, where: () => string): void {
  if (into instanceof Float32Array) return;
  for (let i = 0; i < values.length; i++) {
    if (into[at + i] !== values[i]) {
      throw new DataError(
        `${where()}: ${values[i]} is no ${dtypeOf(into)}, the dtype of the first sample; use one dtype for all samples.`,
      );
    }
  }
}
