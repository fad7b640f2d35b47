import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The built kernels; the same relative place from `src/kernels` and from `dist/kernels`. */
const wasmUrl = new URL('../../wasm/kernels.wasm', import.meta.url);

export function readKernelBytes(): Uint8Array {
  return readFileSync(wasmUrl);
}

/** SHA-256 of the built kernels, hexadecimal: two machines with the same hash compute the same bits. Part of a worker's handshake. */
export function kernelsHash(bytes: Uint8Array = readKernelBytes()): string {
  return createHash('sha256').update(bytes).digest('hex');
}
