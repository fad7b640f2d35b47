import { FormatError } from '../errors.ts';
import { bytesOf } from './digest.ts';
import { duplicateKey } from './duplicate-key.ts';
import {
  arrayOf,
  bytesPerElement,
  elementCount,
  isTensorDType,
  type TensorArray,
  type TensorDType,
  tensorDTypes,
} from './tensor-dtype.ts';

export interface StoredTensor {
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  /** Little-endian bytes, in place in the file's. */
  readonly data: Uint8Array;
  /** Whether the bytes lie at a multiple of the element size, so that a typed array can view them in place. */
  readonly aligned: boolean;
}

export interface SafetensorsFile {
  /** In the order of their bytes. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

/** The format's own limit, in bytes: a hostile length must not make the reader parse gigabytes. */
const maxHeaderBytes = 100_000_000;

/**
 * Reads a safetensors file, trusting nothing: the tensors must cover all bytes after the header once, in sizes that their shapes say.
 *
 * @param source name of the file, for the error
 * @throws FormatError naming the file and what is wrong with it
 */
export function decodeSafetensors(file: Uint8Array, source: string): SafetensorsFile {
  // A Buffer's slice is no copy, unlike that of the Uint8Array below.
  const bytes = bytesOf(file);
  const fail = (what: string): never => {
    throw new FormatError(`${source} is no valid safetensors file: ${what}; get or write it anew.`);
  };
  if (bytes.length < 8) fail(`it has ${bytes.length} bytes, and the length of its header alone takes 8`);
  const headerLength = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  if (headerLength > maxHeaderBytes)
    fail(`its header would take ${headerLength} bytes, more than the ${maxHeaderBytes} allowed`);
  if (headerLength > bytes.length - 8)
    fail(`its header takes ${headerLength} bytes, and only ${bytes.length - 8} follow`);
  const header = parseHeader(bytes.slice(8, 8 + headerLength), fail);
  const body = bytes.subarray(8 + headerLength);

  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  const placed = entries.map(([name, entry]) => place(name, entry, fail));
  placed.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors = new Map<string, StoredTensor>();
  let covered = 0;
  for (const { name, dtype, shape, begin, end } of placed) {
    if (begin !== covered) fail(`tensor "${name}" begins at byte ${begin} where ${covered} comes next`);
    if (end > body.length) fail(`tensor "${name}" ends at byte ${end}, and there are ${body.length}`);
    covered = end;
    const data = body.subarray(begin, end);
    tensors.set(name, { dtype, shape, data, aligned: data.byteOffset % bytesPerElement(dtype) === 0 });
  }
  if (covered !== body.length) fail(`${body.length - covered} bytes after the last tensor belong to none`);
  const metadata = Object.hasOwn(header, '__metadata__') ? header.__metadata__ : {};
  return { tensors, metadata: checkMetadata(metadata, fail) };
}

/** The values as the dtype's typed array: in place where they are aligned, else a copy. F16 and BF16 are raw 16-bit words. */
export function valuesOf({ dtype, data, aligned }: StoredTensor): TensorArray {
  const Values = arrayOf(dtype);
  const bytes = aligned ? data : data.slice();
  return new Values(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.length / bytesPerElement(dtype));
}

type Fail = (what: string) => never;

function parseHeader(bytes: Uint8Array, fail: Fail): Readonly<Record<string, unknown>> {
  // The format wants the brace first, so that the file cannot pass for another kind.
  if (bytes[0] !== 0x7b) fail('its header does not begin with "{"');
  let header: unknown;
  let text = '';
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch {
    fail('its header is not JSON in UTF-8');
  }
  const twice = duplicateKey(text);
  if (twice !== undefined) fail(`its header has "${twice}" twice`);
  return header as Record<string, unknown>;
}

interface PlacedTensor {
  readonly name: string;
  readonly dtype: TensorDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function place(name: string, entry: unknown, fail: Fail): PlacedTensor {
  if (!isRecord(entry)) return fail(`the entry of tensor "${name}" is no object`);
  const odd = Object.keys(entry).find((key) => key !== 'dtype' && key !== 'shape' && key !== 'data_offsets');
  if (odd !== undefined) fail(`tensor "${name}" has the unknown field "${odd}"`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (!isTensorDType(dtype))
    return fail(`tensor "${name}" has dtype ${JSON.stringify(dtype)}, not one of ${tensorDTypes.join(', ')}`);
  const count = elementCount(shape);
  if (count === undefined)
    return fail(`the shape of tensor "${name}" is not a list of whole numbers of a sane product`);
  if (!isRange(offsets)) {
    return fail(`data_offsets of tensor "${name}" are not two whole numbers`);
  }
  const [begin, end] = offsets;
  const size = count * bytesPerElement(dtype);
  if (end - begin !== size) fail(`tensor "${name}" has ${end - begin} bytes where dtype and shape need ${size}`);
  return { name, dtype, shape: shape as number[], begin, end };
}

const isRange = (value: unknown): value is [begin: number, end: number] =>
  Array.isArray(value) && value.length === 2 && value.every((offset) => Number.isSafeInteger(offset) && offset >= 0);

function checkMetadata(metadata: unknown, fail: Fail): Record<string, string> {
  if (!isRecord(metadata)) return fail('its __metadata__ is no object');
  // Without a prototype, so that a key of "__proto__" is a key like others.
  const result: Record<string, string> = Object.create(null);
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') return fail(`its metadata "${key}" is no string`);
    result[key] = value;
  }
  return result;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
