import type { FieldSpec } from '@lockstep/core/internal';
import { Packr, Unpackr } from 'msgpackr';
import { refuse } from './job-refusal.ts';
import { checkMsgpack } from './msgpack-shape.ts';

/** One array per field, rows one after the other. */
export type FieldArrays = Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false });

const elementsOf = ({ shape }: FieldSpec) => shape.reduce((n, d) => n * d, 1);

/** Samples as msgpack: by field its dtype, shape and little-endian bytes. */
export function encodeBatch(fields: readonly FieldSpec[], rows: number, arrays: FieldArrays): Uint8Array {
  const entries = fields.map((field) => {
    const array = arrays[field.name];
    if (array?.length !== rows * elementsOf(field))
      refuse(
        `field "${field.name}" has ${array?.length} values where ${rows} samples have ${rows * elementsOf(field)}`,
      );
    const bytes = Buffer.from(array.buffer, array.byteOffset, array.byteLength);
    return [field.name, { dtype: field.dtype, shape: [rows, ...field.shape], bytes }] as const;
  });
  return packr.pack(Object.fromEntries(entries));
}

/**
 * Copies samples from the wire to where they are computed on, which aligns them.
 *
 * @param into by field an array of `rows` rows
 * @throws JobRefusal where a field is missing, unknown, or of another dtype or shape than the job's
 */
export function decodeBatch(bytes: Uint8Array, fields: readonly FieldSpec[], rows: number, into: FieldArrays): void {
  checkMsgpack(bytes);
  const batch: unknown = unpackr.unpack(bytes);
  if (!(batch instanceof Map) || batch.size !== fields.length)
    refuse(`a batch has other fields than the ${fields.length} of the job`);
  for (const field of fields) {
    const value: unknown = batch.get(field.name);
    if (!(value instanceof Map)) refuse(`a batch lacks field "${field.name}"`);
    const target = into[field.name];
    const [dtype, shape, data] = [value.get('dtype'), value.get('shape'), value.get('bytes')];
    const expected = [rows, ...field.shape];
    if (
      dtype !== field.dtype ||
      !Array.isArray(shape) ||
      shape.length !== expected.length ||
      shape.some((n, i) => n !== expected[i])
    )
      refuse(
        `field "${field.name}" of a batch is ${String(dtype)} [${String(shape)}], not ${field.dtype} [${expected.join()}]`,
      );
    if (!target || target.length !== rows * elementsOf(field))
      refuse(`field "${field.name}" has no room for ${rows} samples here`);
    if (!(data instanceof Uint8Array) || data.length !== target.byteLength)
      refuse(`field "${field.name}" of a batch has ${data?.length} bytes, not ${target.byteLength}`);
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(data);
  }
}
