import { createHash } from 'node:crypto';
import type { ParameterLayout } from '../program/layout.ts';

/** SHA-256 over all chunks as if they were one; strings count as UTF-8. 64 hex digits. */
export function sha256Hex(...chunks: readonly (string | ArrayBufferView)[]): string {
  const hash = createHash('sha256');
  for (const chunk of chunks) hash.update(typeof chunk === 'string' ? chunk : bytesOf(chunk));
  return hash.digest('hex');
}

/** SHA-256 of the values' little-endian bytes: equal exactly where every bit of every value is equal, -0 and 0 being different. */
export const digestOfFloats = (values: Float32Array): string => sha256Hex(values);

/** The same memory as bytes. Lockstep runs on x86-64 and arm64, where typed arrays are little-endian. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** SHA-256 over all parameters' bytes in layout order, without the gaps: the `digest` of a run. */
export function parameterDigest(layout: ParameterLayout, parameters: Float32Array): string {
  return sha256Hex(...layout.entries.map(({ offset, size }) => parameters.subarray(offset, offset + size)));
}
