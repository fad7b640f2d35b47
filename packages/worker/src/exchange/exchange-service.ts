import { create } from '@bufbuild/protobuf';
import { type Exchange, type Piece, PushReplySchema } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Implementation, Peer } from '../grpc/handlers.ts';
import type { Refusals } from '../grpc/refusals.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { type Board, StaleCall } from './board.ts';
import { checkIntact, chunkAt, chunkBytes, isSize } from './chunks.ts';
import type { Desk } from './desk.ts';
import { transferSeed } from './transfer.ts';

/** What the service must know of its run. */
export interface ExchangeHost {
  /** Of this execution of the job; empty while there is none. */
  readonly run: () => string;
  readonly board: Pick<Board, 'find'>;
  /** Where pushes arrive; absent where none are taken. */
  readonly desk?: Desk;
  /** Whether the peer is that member: by its certificate, where it has one. */
  readonly isMember: (member: number, peer: Peer) => boolean;
  /** Bytes of the chunks that are sent, at most 1 MiB. Default: `chunkBytes`. */
  readonly chunk?: number;
  /** Where calls that come too late are counted. */
  readonly refusals?: Refusals;
  /** Bytes sent (of them those of sums) and received, for telemetry. */
  readonly traffic?: { sent: number; sums: number; received: number };
}

/** Pieces that the reduction of a step moves, rather than data, state or a job. */
const ofSums = new Set<Piece['piece']['case']>(['node', 'reduced']);

/** The server's half of the exchange: streams pieces off the board, and takes pushes to the desk. */
export function exchangeService(host: ExchangeHost): Implementation<typeof Exchange> {
  const admit = (run: string, member: number, peer: Peer) => {
    if (run === '' || run !== host.run())
      throw new StatusError(status.FAILED_PRECONDITION, 'this is not a call of the run here');
    if (!host.isMember(member, peer))
      throw new StatusError(status.PERMISSION_DENIED, `the caller is not member ${member} of the run`);
  };
  const counted = async <T>(answer: Promise<T>): Promise<T> => {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof StaleCall) host.refusals?.count('STALE');
      throw error;
    }
  };
  return {
    async pull(request, send, { peer, signal }) {
      // Whoever only wants to see that somebody is here names no run.
      if (request.run === '') throw new StatusError(status.NOT_FOUND, 'a call must name its run');
      admit(request.run, request.member, peer);
      const { publication, slice, over } = await counted(host.board.find(request.piece, request.term, signal));
      const stop = AbortSignal.any([signal, over]);
      const seed = transferSeed(request, request.piece);
      let { offset } = request;
      if (!isSize(offset) || offset > slice.bytes)
        throw new StatusError(status.OUT_OF_RANGE, `byte ${offset} of a piece of ${slice.bytes} bytes`);
      do {
        const size = Math.min(host.chunk ?? chunkBytes, slice.bytes - offset);
        await publication.ready(slice, offset + size, stop);
        publication.check();
        await send(chunkAt(slice, offset, size, seed));
        offset += size;
        if (!host.traffic) continue;
        host.traffic.sent += size;
        if (ofSums.has(request.piece?.piece.case)) host.traffic.sums += size;
      } while (offset < slice.bytes);
    },
    async push(requests, { peer, signal }) {
      let received = 0;
      for await (const { run, term, member, piece, chunk } of requests) {
        admit(run, member, peer);
        if (!host.desk || !chunk)
          throw new StatusError(status.INVALID_ARGUMENT, 'nothing is taken here that is pushed');
        checkIntact(chunk, transferSeed({ run, term, member }, piece));
        const intake = await counted(host.desk.open(member, piece, term, signal));
        received = intake(chunk);
        if (host.traffic) host.traffic.received += chunk.data.length;
      }
      return create(PushReplySchema, { received });
    },
  };
}
