import { FormatError, type ParameterLayout } from '@lockstep/core/internal';
import type { VectorLayout } from './vector-layout.ts';

// Format: a u32, 1 where what is trained is compressed and 0 where it is not since it is not finite; then what is never compressed (sums that
// move buffers, statistics), f32; then what is trained.

const headerBytes = 4;
const kinds = { plain: 0, compressed: 1 } as const;

/** Only what is trained loses something: buffers and statistics have no later step that could bring it in. */
export const trainedLayout = ({ entries, trained }: ParameterLayout): VectorLayout => ({
  entries: entries.filter(({ offset }) => offset < trained),
  length: trained,
});

/**
 * A result vector, made small as far as it is trained. What is not finite comes as it is: a remainder that it went into would never get rid of it.
 *
 * @param compress is given a copy
 */
export function encodeVector(
  values: Float32Array,
  trained: number,
  compress: (part: Float32Array) => Uint8Array,
): Uint8Array {
  const part = values.slice(0, trained);
  const rest = values.slice(trained);
  const finite = part.every(Number.isFinite);
  const body = finite ? compress(part) : new Uint8Array(part.buffer);
  const bytes = new Uint8Array(headerBytes + rest.byteLength + body.length);
  new DataView(bytes.buffer).setUint32(0, finite ? kinds.compressed : kinds.plain, true);
  bytes.set(new Uint8Array(rest.buffer), headerBytes);
  bytes.set(body, headerBytes + rest.byteLength);
  return bytes;
}

/** @param into its length is that of the vector that was encoded. @throws FormatError */
export function decodeVector(
  bytes: Uint8Array,
  trained: number,
  into: Float32Array,
  decompress: (body: Uint8Array) => Float32Array,
): void {
  const restBytes = (into.length - trained) * 4;
  if (bytes.length < headerBytes + restBytes)
    throw new FormatError(`A compressed vector of ${bytes.length} bytes does not fit ${into.length} elements.`);
  const kind = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const rest = bytes.slice(headerBytes, headerBytes + restBytes);
  const body = bytes.slice(headerBytes + restBytes);
  if (kind !== kinds.compressed && (kind !== kinds.plain || body.length !== trained * 4))
    throw new FormatError(`A compressed vector of kind ${kind} and ${bytes.length} bytes is none.`);
  into.set(kind === kinds.compressed ? decompress(body) : new Float32Array(body.buffer));
  into.set(new Float32Array(rest.buffer), trained);
}

/** Most bytes of a message for a vector of so many elements: top-k has a place beside each value that it keeps. */
export const compressedLimitBytes = (elements: number): number => headerBytes + elements * 8 + 64 * 1024;
