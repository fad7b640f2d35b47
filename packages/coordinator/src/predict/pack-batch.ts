import { DataError } from '@lockstep/core';
import type { ModelDescription } from '../checkpoint/encode.ts';
import type { FieldValues } from './messages.ts';

type Row = number | ArrayLike<number> | readonly unknown[];

/** Rows by field: a list of rows (numbers or arrays, nested as the field's shape), or one typed array with all rows. */
export type BatchInput = Readonly<Record<string, readonly Row[] | FieldValues>>;

/** Checks a batch against the model's fields and makes one typed array of each. */
export function packBatch(
  model: ModelDescription,
  batch: BatchInput,
): { rows: number; inputs: Record<string, FieldValues> } {
  let rows: number | undefined;
  const inputs: Record<string, FieldValues> = {};
  for (const name of model.predictFields) {
    const field = model.fields.find((f) => f.name === name) as ModelDescription['fields'][number];
    const values = batch[name];
    if (values === undefined) {
      throw new DataError(
        `predict: field "${name}" is missing; this model reads ${model.predictFields.map((f) => `"${f}"`).join(', ')}.`,
      );
    }
    const size = field.shape.reduce((n, d) => n * d, 1);
    const flat = ArrayBuffer.isView(values)
      ? Array.from(values as ArrayLike<number>)
      : flatten(values as readonly Row[]);
    const count = flat.length / size;
    const shape = `[${field.shape.join(', ')}]`;
    if (!Number.isInteger(count) || count === 0 || (!ArrayBuffer.isView(values) && count !== values.length)) {
      throw new DataError(
        `predict: field "${name}" has ${flat.length} values in ${values.length} rows; every row must have shape ${shape}.`,
      );
    }
    if (rows !== undefined && rows !== count)
      throw new DataError(`predict: field "${name}" has ${count} rows, others have ${rows}.`);
    rows = count;
    const wrong = flat.find(
      (value) => typeof value !== 'number' || (field.dtype !== 'f32' && !Number.isInteger(value)),
    );
    if (wrong !== undefined) {
      throw new DataError(
        `predict: field "${name}" must hold ${field.dtype === 'f32' ? 'numbers' : 'whole numbers'}, not ${JSON.stringify(wrong)}.`,
      );
    }
    const Type = { f32: Float32Array, i32: Int32Array, u8: Uint8Array }[field.dtype];
    inputs[name] = Type.from(flat);
  }
  return { rows: rows ?? 0, inputs };
}

function flatten(rows: readonly Row[]): number[] {
  const plain = rows.map((row) => (ArrayBuffer.isView(row) ? Array.from(row as unknown as ArrayLike<number>) : row));
  return (plain as unknown[]).flat(Number.POSITIVE_INFINITY) as number[];
}
