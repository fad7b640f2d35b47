import { FormatError } from '../errors.ts';
import { bytesOf } from './digest.ts';
import {
  arrayOf,
  bytesPerElement,
  elementCount,
  isTensorDType,
  type TensorArray,
  type TensorDType,
  tensorDTypes,
} from './tensor-dtype.ts';

export interface TensorToStore {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  /** The values in row-major order, as the dtype's typed array or as its little-endian bytes. */
  readonly data: TensorArray;
}

/**
 * A safetensors file as one array of bytes. Wide dtypes come first, so that every tensor is aligned to its element size; within a
 * dtype the given order stays.
 *
 * @throws FormatError if a name is taken twice or data does not fit dtype and shape
 */
export function encodeSafetensors(
  tensors: Iterable<TensorToStore>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array {
  const chunks = safetensorsChunks(tensors, metadata);
  const file = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let offset = 0;
  for (const chunk of chunks) {
    file.set(chunk, offset);
    offset += chunk.length;
  }
  return file;
}

/** The same file in pieces, for writing without a copy: the header, then each tensor's own memory. */
export function safetensorsChunks(
  tensors: Iterable<TensorToStore>,
  metadata?: Readonly<Record<string, string>>,
): Uint8Array[] {
  const sorted = [...tensors].map(checked).sort((a, b) => bytesPerElement(b.dtype) - bytesPerElement(a.dtype));
  const names = new Set(['__metadata__']);
  const entries = metadata ? [`"__metadata__":${metadataJson(metadata)}`] : [];
  let offset = 0;
  for (const { name, dtype, shape, data } of sorted) {
    if (names.has(name))
      throw new FormatError(`safetensors: the name "${name}" is taken; give each tensor a name of its own.`);
    names.add(name);
    const end = offset + data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape.join()}],"data_offsets":[${offset},${end}]}`,
    );
    offset = end;
  }
  return [header(`{${entries.join()}}`), ...sorted.map(({ data }) => bytesOf(data))];
}

function header(json: string): Uint8Array {
  const text = new TextEncoder().encode(json);
  const length = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}

function checked(tensor: TensorToStore): TensorToStore {
  const { name, dtype, shape, data } = tensor;
  if (!isTensorDType(dtype)) {
    throw new FormatError(
      `safetensors: tensor "${name}" has dtype ${String(dtype)}; use one of ${tensorDTypes.join(', ')}.`,
    );
  }
  const count = elementCount(shape);
  const fits = data instanceof Uint8Array || data instanceof arrayOf(dtype);
  if (!fits || count === undefined || count * bytesPerElement(dtype) !== data.byteLength) {
    throw new FormatError(
      `safetensors: ${data.constructor.name} of ${data.byteLength} bytes does not fit tensor "${name}", ${dtype} [${shape.join(', ')}]; give the values of that shape.`,
    );
  }
  return tensor;
}

function metadataJson(metadata: Readonly<Record<string, string>>): string {
  const odd = Object.entries(metadata).find(([, value]) => typeof value !== 'string');
  if (odd)
    throw new FormatError(`safetensors: metadata "${odd[0]}" is no string; write it as one, e.g. with JSON.stringify.`);
  return JSON.stringify(metadata);
}
