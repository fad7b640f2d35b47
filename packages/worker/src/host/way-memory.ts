import type { ParameterLayout } from '@lockstep/core/internal';
import type { Compression } from '../compress/compressor.ts';
import { WayCodec } from '../compress/way-codec.ts';
import { pieces } from '../exchange/pieces.ts';
import { type Sink, vectorSink } from '../exchange/sink.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';

/**
 * What is remembered of replicas' ways where they are told as differences (see `WayCodec`), at a worker. The coordinator remembers the same: whoever
 * takes a replica over gets it from there, whoever had it last round has it already.
 */
export class WayMemory {
  readonly #codec: WayCodec;
  readonly #length: number;
  /** By replica and by the round that it is remembered after. */
  readonly #known = new Map<string, Float32Array>();

  constructor(compression: Compression, layout: ParameterLayout) {
    this.#codec = new WayCodec(compression, layout);
    this.#length = layout.length;
  }

  /** What is remembered after a round, for each of these replicas. Forgets what is not of that round. */
  async recall(
    replicas: readonly number[],
    item: number,
    pull: (piece: Piece, sink: Sink) => Promise<void>,
  ): Promise<Float32Array[]> {
    for (const key of this.#known.keys()) if (!key.endsWith(` ${item}`)) this.#known.delete(key);
    return Promise.all(
      replicas.map(async (replica) => {
        const known = this.#known.get(keyOf(replica, item));
        if (known) return known;
        const way = new Float32Array(this.#length);
        await pull(pieces.way(item, replica), vectorSink(way));
        this.#known.set(keyOf(replica, item), way);
        return way;
      }),
    );
  }

  /** A replica's way in this round as bytes. @param remembered what `recall` gave */
  tell(replica: number, item: number, way: Float32Array, remembered: Float32Array): Uint8Array {
    const bytes = this.#codec.encode(way, remembered);
    const told = new Float32Array(way.length);
    this.#codec.decode(bytes, remembered, told);
    this.#known.set(keyOf(replica, item), told.slice(0, this.#length));
    return bytes;
  }
}

const keyOf = (replica: number, item: number): string => `${replica} ${item}`;
