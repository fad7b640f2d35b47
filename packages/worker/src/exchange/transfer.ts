import { crc32 } from 'node:zlib';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { pieceKey } from './piece-key.ts';

/** On whose behalf pieces are exchanged. */
export interface Asker {
  readonly run: string;
  readonly term: number;
  readonly member: number;
}

/** What chunks of a transfer are known by, as the start of their checksums: bytes of another piece must not pass for this one's. */
export function transferSeed({ run, term, member }: Asker, piece: Piece | undefined): number {
  const { text, slice } = pieceKey(piece);
  return crc32(`${run} ${term} ${member} ${text}${slice ? ` ${slice.from}-${slice.to}` : ''}`);
}
