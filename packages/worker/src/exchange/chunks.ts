import { crc32 } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { type Chunk, ChunkSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import type { PieceSource } from './piece-source.ts';

/** Bytes of a chunk. Measured on loopback (bench/exchange.ts): below 256 KiB calls per message show, above 1 MiB memory does. */
export const chunkBytes = 512 * 1024;

/** The largest that is accepted. */
export const maxChunkBytes = 2 ** 20;

export function chunkAt(source: PieceSource, offset: number, size: number): Chunk {
  const data = source.read(offset, offset + size);
  return create(ChunkSchema, {
    offset,
    data,
    checksum: crc32(data),
    total: source.bytes,
    encoding: source.encoding,
  });
}

/** Anything but a size in bytes that can be exact is refused. */
export const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws StatusError INVALID_ARGUMENT, or DATA_LOSS where the bytes are not those that were sent */
export function checkChunk({ offset, data, checksum, total }: Chunk): void {
  if (!isSize(total) || !isSize(offset) || offset + data.length > total || data.length > maxChunkBytes)
    throw new StatusError(status.INVALID_ARGUMENT, 'a chunk lies outside its piece');
  // Chunks that bring nothing could come for ever.
  if (data.length === 0 && total > 0) throw new StatusError(status.INVALID_ARGUMENT, 'a chunk is empty');
  if (crc32(data) !== checksum)
    throw new StatusError(status.DATA_LOSS, `bytes ${offset} to ${offset + data.length} were changed on their way`);
}
