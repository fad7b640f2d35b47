import { DataError } from '@lockstep/core';
import type { FieldSpec } from '@lockstep/core/internal';
import type { ModelDescription } from '../checkpoint/encode.ts';
import type { FieldValues } from './messages.ts';

type Row = number | ArrayLike<number> | readonly unknown[];

/** Rows by field: a list of rows (numbers or arrays, nested as the field's shape), or one typed array with all rows. */
export type BatchInput = Readonly<Record<string, readonly Row[] | FieldValues>>;

/** A value outside would wrap around silently. */
const ranges = {
  f32: { fits: () => true, says: 'numbers' },
  i32: { fits: (value: number) => (value | 0) === value, says: 'whole numbers of 32 bits' },
  u8: { fits: (value: number) => (value & 255) === value, says: 'whole numbers from 0 to 255' },
} as const;

const types = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

/**
 * Checks a batch against the model's fields and makes one typed array of each.
 *
 * @param asked rows, where the model reads no field
 * @throws DataError naming the field
 */
export function packBatch(
  model: Pick<ModelDescription, 'fields' | 'predictFields'>,
  batch: BatchInput,
  asked?: number,
): { rows: number; inputs: Record<string, FieldValues> } {
  let rows: number | undefined;
  const inputs: Record<string, FieldValues> = {};
  for (const name of model.predictFields) {
    const field = model.fields.find((f) => f.name === name) as FieldSpec;
    const values = batch[name];
    if (values === undefined) {
      throw new DataError(
        `predict: field "${name}" is missing; this model reads ${model.predictFields.map((f) => `"${f}"`).join(', ')}.`,
      );
    }
    const size = field.shape.reduce((n, d) => n * d, 1);
    const flat = flatten(field, size, values);
    const count = flat.length / size;
    if (rows !== undefined && rows !== count)
      throw new DataError(`predict: field "${name}" has ${count} rows, others have ${rows}.`);
    rows = count;
    inputs[name] = types[field.dtype].from(flat);
  }
  if (rows !== undefined && asked !== undefined && rows !== asked) {
    throw new DataError(`predict: the fields have ${rows} rows, but rows: ${asked} is asked for; leave it out.`);
  }
  rows ??= asked;
  if (rows === undefined || !Number.isSafeInteger(rows) || rows < 1) {
    throw new DataError(
      `predict: this model reads no field; say how many rows it should make, as in predict({}, { rows: 16 })${rows === undefined ? '' : `, not ${rows}`}.`,
    );
  }
  return { rows, inputs };
}

/** All values of a field in row order, each checked. */
function flatten(field: FieldSpec, size: number, values: BatchInput[string]): number[] {
  const fail = (what: string): never => {
    throw new DataError(`predict: field "${field.name}" ${what}.`);
  };
  const shape = `[${field.shape.join(', ')}]`;
  let flat: unknown[];
  if (isTyped(values)) {
    flat = Array.from(values);
    if (flat.length % size !== 0) fail(`has ${flat.length} values; every row must have shape ${shape}`);
  } else if (Array.isArray(values)) {
    flat = values.flatMap((row: unknown, i) => {
      const cells = isTyped(row) ? Array.from(row) : Array.isArray(row) ? row.flat(Number.POSITIVE_INFINITY) : [row];
      if (cells.length !== size) fail(`has ${cells.length} values in row ${i}; every row must have shape ${shape}`);
      return cells;
    });
  } else return fail('must be an array of rows, or a typed array with all rows');
  if (flat.length === 0) fail('has no rows');
  const { fits, says } = ranges[field.dtype];
  const wrong = flat.findIndex((value) => typeof value !== 'number' || !fits(value));
  if (wrong >= 0) {
    const value = JSON.stringify(flat[wrong]) ?? String(flat[wrong]);
    fail(`must hold ${says}, not ${value} (row ${Math.floor(wrong / size)})`);
  }
  return flat as number[];
}

const isTyped = (value: unknown): value is FieldValues => ArrayBuffer.isView(value) && !(value instanceof DataView);
