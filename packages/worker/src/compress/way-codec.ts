import type { ParameterLayout } from '@lockstep/core/internal';
import { decodeVector, encodeVector, trainedLayout } from './compressed-vector.ts';
import { type Compression, createCompressor } from './compressor.ts';

/**
 * A replica's way, told as how it differs from what is remembered of its earlier ones: the difference is compressed, and what the other side makes of
 * it is remembered on both (Richtárik, Sokolov and Fatkhullin 2021, "EF21"). What compression leaves out is so left in the next difference. Nothing
 * is carried by whoever computes: the same way and the same memory give the same bytes, on any machine.
 */
export class WayCodec {
  readonly #compression: Compression;
  readonly #layout: ParameterLayout;

  constructor(compression: Compression, layout: ParameterLayout) {
    this.#compression = compression;
    this.#layout = layout;
  }

  /** @param way how far it came, then statistics @param remembered `[layout.length]` */
  encode(way: Float32Array, remembered: Float32Array): Uint8Array {
    const compressor = this.#compressor();
    return encodeVector(way, this.#layout.trained, (part) => {
      for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) - (remembered[i] as number);
      // A compressor that gets better with each vector begins anew with each of them: what it learns from this one it uses for this one.
      if (this.#compression.kind === 'powersgd') compressor.encode(part);
      return compressor.encode(part);
    });
  }

  /** The way as it was told, statistics behind it. @throws FormatError */
  decode(bytes: Uint8Array, remembered: Float32Array, into: Float32Array): void {
    const compressor = this.#compressor();
    decodeVector(bytes, this.#layout.trained, into, (body) => {
      const part = compressor.decode(body);
      for (let i = 0; i < part.length; i++) part[i] = (part[i] as number) + (remembered[i] as number);
      return part;
    });
  }

  #compressor() {
    return createCompressor(this.#compression, trainedLayout(this.#layout));
  }
}
