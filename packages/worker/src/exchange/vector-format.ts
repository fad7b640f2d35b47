import { StatusError, status } from '../grpc/status-error.ts';

/**
 * How a result vector travels: its first `rounded` elements as bfloat16, the rest (statistics, which are never rounded) as f32, all
 * little-endian. 0 rounded elements are plain f32.
 */
export interface VectorFormat {
  /** Elements of the whole vector that travel with 2 bytes. */
  readonly rounded: number;
}

export const f32Format: VectorFormat = { rounded: 0 };

/** Bytes of elements `from` to `to`. */
export function vectorBytes({ rounded }: VectorFormat, from: number, to: number): number {
  const short = Math.max(0, Math.min(to, rounded) - from);
  return 2 * short + 4 * (to - from - short);
}

/** Bytes of an ArrayBuffer or SharedArrayBuffer under a typed array. */
export const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

/**
 * The upper halves of f32 values that were rounded to bfloat16 before: exact.
 * @throws RangeError where one was not, since its lower half would be lost
 */
export function toBf16(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  let lost = 0;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i] as number;
    halves[i] = word >>> 16;
    lost |= word;
  }
  if ((lost & 0xffff) !== 0)
    throw new RangeError('a vector that travels as bfloat16 holds values that are not rounded to it');
  return bytesOf(halves);
}

/** @param bytes an even number of them, at any alignment */
export function fromBf16(bytes: Uint8Array, into: Float32Array): void {
  const bits = new Uint32Array(into.buffer, into.byteOffset, into.length);
  if (bytes.byteOffset % 2 === 0) {
    const halves = new Uint16Array(bytes.buffer, bytes.byteOffset, bits.length);
    for (let i = 0; i < bits.length; i++) bits[i] = (halves[i] as number) << 16;
    return;
  }
  for (let i = 0; i < bits.length; i++)
    bits[i] = ((bytes[2 * i] as number) << 16) | ((bytes[2 * i + 1] as number) << 24);
}

/** The element at which a byte of the travelling elements `from`.. begins. */
function elementAt({ rounded }: VectorFormat, from: number, byte: number): number {
  const short = Math.max(0, rounded - from);
  const element = byte <= 2 * short ? byte / 2 : short + (byte - 2 * short) / 4;
  if (!Number.isInteger(element)) throw new StatusError(status.INVALID_ARGUMENT, 'a chunk ends within a number');
  return from + element;
}

/** Bytes `start` to `end` of the travelling elements `from`.. of a vector; a view of it where nothing is rounded. */
export function encodeVector(
  format: VectorFormat,
  vector: Float32Array,
  from: number,
  start: number,
  end: number,
): Uint8Array {
  const [a, b] = [elementAt(format, from, start), elementAt(format, from, end)];
  const split = Math.min(b, Math.max(a, format.rounded));
  const exact = bytesOf(vector.subarray(split, b));
  if (split === a) return exact;
  const short = toBf16(vector.subarray(a, split));
  return exact.length === 0 ? short : Buffer.concat([short, exact]);
}

/** Writes bytes that begin at `start` of the travelling elements `from`.. into a vector. */
export function decodeVector(
  format: VectorFormat,
  vector: Float32Array,
  from: number,
  start: number,
  data: Uint8Array,
): void {
  const [a, b] = [elementAt(format, from, start), elementAt(format, from, start + data.length)];
  const split = Math.min(b, Math.max(a, format.rounded));
  fromBf16(data.subarray(0, 2 * (split - a)), vector.subarray(a, split));
  bytesOf(vector.subarray(split, b)).set(data.subarray(2 * (split - a)));
}
