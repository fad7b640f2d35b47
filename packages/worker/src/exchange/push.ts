import { create } from '@bufbuild/protobuf';
import { Exchange, type Piece, PushChunkSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Channel } from '../grpc/channel.ts';
import { chunkAt, chunkBytes } from './chunks.ts';
import { persist, type TransferOptions } from './persist.ts';
import type { Publication } from './publication.ts';
import { type Asker, transferSeed } from './transfer.ts';

export interface PushOptions extends TransferOptions {
  /** Bytes per message. Default: `chunkBytes`. */
  readonly size?: number | undefined;
}

/**
 * Hands a piece to a peer that cannot fetch it, over one or several channels: chunk k goes over channel k mod n, so that parts which are
 * ready leave over all of them while the rest is computed. A broken channel sends its chunks again; the other end takes each once.
 *
 * @throws StatusError ABORTED where the run moved on
 */
export async function push(
  channels: readonly Channel[],
  asker: Asker,
  piece: Piece,
  publication: Publication,
  options: PushOptions = {},
): Promise<void> {
  const { source } = publication;
  const { size = chunkBytes } = options;
  const chunks = Math.max(1, Math.ceil(source.bytes / size));
  const signal = options.signal ?? new AbortController().signal;
  const seed = transferSeed(asker, piece);
  const over = async (channel: Channel, first: number) => {
    let reached = 0;
    const attempt = async () => {
      const call = channel.clientStream(Exchange.method.push, { signal });
      try {
        for (let k = first; k < chunks; k += channels.length) {
          const offset = k * size;
          const length = Math.min(size, source.bytes - offset);
          await publication.ready(source, offset + length, signal);
          publication.check();
          await call.send(create(PushChunkSchema, { ...asker, piece, chunk: chunkAt(source, offset, length, seed) }));
        }
        reached = (await call.finish()).received;
      } catch (error) {
        call.cancel();
        throw error;
      }
    };
    await persist(attempt, () => reached, options);
  };
  await Promise.all(channels.slice(0, chunks).map(over));
}
