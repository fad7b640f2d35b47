import { create } from '@bufbuild/protobuf';
import { Exchange, type Piece, PullRequestSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Channel } from '../grpc/channel.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { Assembly } from './assembly.ts';
import { checkIntact } from './chunks.ts';
import { persist, type TransferOptions } from './persist.ts';
import type { Sink } from './sink.ts';
import { type Asker, transferSeed } from './transfer.ts';

export interface PullOptions extends TransferOptions {
  /** Told how many bytes from the start are in the sink. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/**
 * Fetches a piece into a sink; waits at the other end until it is there. A broken stream goes on where it broke.
 *
 * @throws StatusError ABORTED where the run moved on, UNAVAILABLE where the peer cannot be reached
 */
export async function pull(
  channel: Channel,
  asker: Asker,
  piece: Piece,
  sink: Sink,
  options: PullOptions = {},
): Promise<void> {
  const assembly = new Assembly(sink);
  const seed = transferSeed(asker, piece);
  const attempt = async () => {
    const request = create(PullRequestSchema, { ...asker, piece, offset: assembly.prefix });
    for await (const chunk of channel.serverStream(Exchange.method.pull, request, { signal: options.signal })) {
      checkIntact(chunk, seed);
      // One that comes again behind the last changes nothing; one that lies beyond the piece is refused below.
      if (assembly.complete && chunk.offset < assembly.prefix) return;
      if (chunk.offset !== assembly.prefix)
        throw new StatusError(status.DATA_LOSS, `${channel.address} sent a chunk out of order`);
      assembly.accept(chunk);
      options.onProgress?.(assembly.prefix);
    }
    if (!assembly.complete) throw new StatusError(status.DATA_LOSS, `${channel.address} ended a piece early`);
  };
  await persist(attempt, () => assembly.prefix, options);
}
