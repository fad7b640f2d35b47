import { createHash } from 'node:crypto';
import { DataError } from '../errors.ts';
import { storeFields } from './gather.ts';
import type { DataSource, FieldArray } from './source.ts';

export interface ArrayField {
  readonly data: FieldArray;
  /** `[samples, ...]` */
  readonly shape: readonly number[];
}

/** A source over arrays in memory, one per field; a bare typed array has one value a sample. */
export function arrays<F extends Readonly<Record<string, ArrayField | ArrayField['data']>>>(
  fields: F,
): DataSource<{ [Name in keyof F]: ArrayField['data'] }> {
  const entries = Object.entries(fields).map(([name, field]) => {
    const { data, shape } = ArrayBuffer.isView(field) ? { data: field, shape: [field.length] } : field;
    const [length = 0, ...rest] = shape;
    const size = rest.reduce((n, d) => n * d, 1);
    if (length * size !== data.length) {
      throw new DataError(
        `data.arrays: "${name}" has ${data.length} values, which do not fill shape [${shape.join(', ')}].`,
      );
    }
    return { name, data, length, size, shape: rest };
  });
  const [first] = entries;
  if (!first) throw new DataError('data.arrays: give at least one field.');
  const odd = entries.find(({ length }) => length !== first.length);
  if (odd)
    throw new DataError(`data.arrays: "${odd.name}" has ${odd.length} samples, "${first.name}" has ${first.length}.`);
  const hash = createHash('sha256');
  for (const { name, data, shape } of entries) {
    hash
      .update(`${name} ${data.constructor.name} [${shape.join()}]`)
      .update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  const sample = (i: number) =>
    Object.fromEntries(entries.map(({ name, data, size }) => [name, data.subarray(i * size, (i + 1) * size)])) as {
      [Name in keyof F]: ArrayField['data'];
    };
  storeFields(sample, entries);
  return {
    length: first.length,
    shapes: Object.fromEntries(entries.map(({ name, shape }) => [name, shape])),
    digest: hash.digest('hex'),
    sample,
  };
}
