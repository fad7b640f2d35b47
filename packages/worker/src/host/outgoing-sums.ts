import type { JobSpec } from '@lockstep/core/internal';
import { SumsEncoder } from '../compress/compressed-sums.ts';
import type { Compression } from '../compress/compressor.ts';
import { bytesSource, type PieceSource, vectorSource } from '../exchange/piece-source.ts';
import type { VectorFormat } from '../exchange/vector-format.ts';
import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';

/** What a compressed vector is called on the wire. */
export const encodings: Readonly<Record<Compression['kind'], Encoding>> = {
  none: Encoding.F32,
  topk: Encoding.TOP_K,
  int8: Encoding.INT8,
  powersgd: Encoding.POWER_SGD,
};

/** How the sums of gradients leave this worker: as they are, or compressed, with what that left out added to the next ones. */
export class OutgoingSums {
  readonly #compression: Compression;
  readonly #encoder: SumsEncoder | undefined;

  constructor(compression: Compression, { layout }: JobSpec) {
    this.#compression = compression;
    if (compression.kind !== 'none') this.#encoder = new SumsEncoder(compression, layout);
  }

  /** @param format of a vector that is not compressed */
  source(values: Float32Array, format: VectorFormat): PieceSource {
    if (!this.#encoder) return vectorSource(values, format);
    return bytesSource(this.#encoder.encode(values), encodings[this.#compression.kind]);
  }
}
