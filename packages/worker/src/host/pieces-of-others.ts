import type { Board } from '../exchange/board.ts';
import { chunkBytes } from '../exchange/chunks.ts';
import { incarnationTerm } from '../exchange/incarnation-term.ts';
import { pull } from '../exchange/pull.ts';
import type { Sink } from '../exchange/sink.ts';
import type { Asker } from '../exchange/transfer.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { Channel, type DialOptions } from '../grpc/channel.ts';
import { keepaliveOf } from '../grpc/limits.ts';

export interface PiecesOptions {
  readonly security: DialOptions['security'];
  /** Of the coordinator. */
  readonly coordinator: string;
  /** Own address: its pieces are taken off the own board. */
  readonly own: string;
  readonly board: () => Pick<Board, 'find'>;
  /** Of the run, as far as it is known. */
  readonly leaseMs?: () => number | undefined;
  /** Bytes received, for telemetry. */
  readonly traffic: { received: number };
}

/** Connections to whoever has pieces for us, one to each, kept open. */
export class PiecesOfOthers {
  readonly #options: PiecesOptions;
  readonly #channels = new Map<string, Channel>();

  constructor(options: PiecesOptions) {
    this.#options = options;
  }

  /** @param address empty = the coordinator's @throws StatusError */
  async pull(address: string, who: Asker, piece: Piece, sink: Sink, signal: AbortSignal): Promise<void> {
    const { coordinator, own, board, traffic } = this.#options;
    const asker = { ...who, term: incarnationTerm(who.term) };
    const at = address === '' ? coordinator : address;
    if (at === own) {
      await takeFrom(board(), asker.term, piece, sink, signal);
      return;
    }
    let before = 0;
    await pull(this.channel(at), asker, piece, sink, {
      signal,
      onProgress: (bytes) => {
        traffic.received += bytes - before;
        before = bytes;
      },
    });
  }

  /** @param index of several connections to the same address */
  channel(address: string, index = 0): Channel {
    const key = `${address} ${index}`;
    const known = this.#channels.get(key);
    if (known) return known;
    const { coordinator, security } = this.#options;
    const role = address === coordinator ? 'coordinator' : 'worker';
    const leaseMs = this.#options.leaseMs?.();
    const limits = leaseMs === undefined ? {} : keepaliveOf(leaseMs);
    const channel = new Channel({ address, security, expect: { role }, limits });
    this.#channels.set(key, channel);
    return channel;
  }

  /** Dials this address anew: whoever is there fell silent, and connections from before may be half open. */
  renew(address: string): void {
    for (const channel of this.#channels.values()) if (channel.address === address) channel.renew();
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
    this.#channels.clear();
  }
}

/** What `pull` does, where both sides are the same process. */
async function takeFrom(
  board: Pick<Board, 'find'>,
  term: number,
  piece: Piece,
  sink: Sink,
  signal: AbortSignal,
): Promise<void> {
  const { publication, slice, over } = await board.find(piece, term, signal);
  const stop = AbortSignal.any([signal, over]);
  sink.open(slice.bytes, slice.encoding);
  const { values, first = 0 } = slice;
  if (values && sink.writeValues) {
    // As it is: on its way it would become the same numbers again.
    for (let at = 0; at < values.length; at += chunkBytes / 4) {
      const end = Math.min(values.length, at + chunkBytes / 4);
      await publication.ready(slice, slice.bytesBefore(first + end), stop);
      publication.check();
      sink.writeValues(at, values.subarray(at, end));
    }
    return;
  }
  for (let at = 0; at < slice.bytes; at += chunkBytes) {
    const end = Math.min(slice.bytes, at + chunkBytes);
    await publication.ready(slice, end, stop);
    publication.check();
    sink.write(at, slice.read(at, end));
  }
}
