import { crc32 } from 'node:zlib';
import { create } from '@bufbuild/protobuf';
import { type Chunk, ChunkSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import type { PieceSource } from './piece-source.ts';

/** Bytes of a chunk. Measured on loopback (bench/exchange.ts): below 256 KiB calls per message show, above 1 MiB memory does. */
export const chunkBytes = 512 * 1024;

/** The largest that is accepted. */
export const maxChunkBytes = 2 ** 20;

/** @param seed of the transfer that it is for */
export function chunkAt(source: PieceSource, offset: number, size: number, seed: number): Chunk {
  const chunk = create(ChunkSchema, {
    offset,
    data: source.read(offset, offset + size),
    total: source.bytes,
    encoding: source.encoding,
  });
  chunk.checksum = checksumOf(chunk, seed);
  return chunk;
}

export function checksumOf({ offset, total, encoding, data }: Omit<Chunk, 'checksum'>, seed: number): number {
  const place = new DataView(new ArrayBuffer(20));
  place.setFloat64(0, offset, true);
  place.setFloat64(8, total, true);
  place.setUint32(16, encoding, true);
  return crc32(data, crc32(new Uint8Array(place.buffer), seed));
}

/** Anything but a size in bytes that can be exact is refused. */
export const isSize = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

/** @throws StatusError DATA_LOSS where it is not what was sent for this transfer */
export function checkIntact(chunk: Chunk, seed: number): void {
  if (checksumOf(chunk, seed) !== chunk.checksum)
    throw new StatusError(status.DATA_LOSS, `${chunk.data.length} bytes of a piece were changed on their way`);
}

/** @throws StatusError INVALID_ARGUMENT where it cannot be a chunk of any piece */
export function checkPlace({ offset, data, total }: Chunk): void {
  if (!isSize(total) || !isSize(offset) || offset + data.length > total || data.length > maxChunkBytes)
    throw new StatusError(status.INVALID_ARGUMENT, 'a chunk lies outside its piece');
  // Chunks that bring nothing could come for ever.
  if (data.length === 0 && total > 0) throw new StatusError(status.INVALID_ARGUMENT, 'a chunk is empty');
}
