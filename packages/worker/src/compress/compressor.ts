import { decodeInt8, encodeInt8 } from './int8.ts';
import { decodePowerSgd, PowerSgd } from './power-sgd.ts';
import { decodeTopK, encodeTopK } from './top-k.ts';
import type { VectorLayout } from './vector-layout.ts';

/** How a gradient is made small for a slow link. All of them lose something; `ErrorFeedback` brings it in later. */
export type Compression =
  | { readonly kind: 'none' }
  /** The largest elements of each block of 4096, by magnitude; `fraction` of them, at least one. */
  | { readonly kind: 'topk'; readonly fraction: number }
  /** One byte an element, one scale a block. */
  | { readonly kind: 'int8' }
  /** Matrices as products of two thin ones of this rank; vectors as they are. */
  | { readonly kind: 'powersgd'; readonly rank: number };

export interface Compressor {
  /** The vector, smaller. A compressor may remember what helps it with the next one. */
  encode(vector: Float32Array): Uint8Array;
  /** What the other side makes of it. */
  decode(bytes: Uint8Array): Float32Array;
}

export function createCompressor(compression: Compression, layout: VectorLayout): Compressor {
  const { length } = layout;
  switch (compression.kind) {
    case 'none':
      return {
        encode: (vector) => new Uint8Array(vector.slice().buffer),
        decode: (bytes) => new Float32Array(bytes.slice().buffer),
      };
    case 'topk': {
      const { fraction } = compression;
      return {
        encode: (vector) => encodeTopK(vector, fraction),
        decode: (bytes) => decodeTopK(bytes, length),
      };
    }
    case 'int8':
      return { encode: encodeInt8, decode: (bytes) => decodeInt8(bytes, length) };
    case 'powersgd': {
      const state = new PowerSgd(layout, compression.rank);
      return {
        encode: (vector) => state.encode(vector),
        decode: (bytes) => decodePowerSgd(bytes, layout, compression.rank),
      };
    }
  }
}
