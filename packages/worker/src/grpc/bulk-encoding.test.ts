import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { pieces } from '../exchange/pieces.ts';
import { ChunkSchema, Encoding, PushChunkSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { encodeMessage } from './bulk-encoding.ts';
import { decode } from './codec.ts';

const chunk = (bytes: number) =>
  create(ChunkSchema, {
    offset: 2 ** 40 + 1,
    data: Uint8Array.from({ length: bytes }, (_, i) => i * 31),
    checksum: 0xdeadbeef,
    total: 2 ** 41,
    encoding: Encoding.BF16,
  });

/** As grpc-js frames a message. */
function framed(message: Buffer): Uint8Array {
  const frame = Buffer.alloc(message.length + 5);
  message.copy(frame, 5);
  return new Uint8Array(frame.subarray(5));
}

test.each([0, 1, 4095, 4096, 2 ** 20])('a chunk with %i bytes is decoded as it was', (bytes) => {
  const message = chunk(bytes);
  expect(decode(ChunkSchema, framed(encodeMessage(ChunkSchema, message)))).toEqual(message);
  const pushed = create(PushChunkSchema, {
    run: 'r',
    term: 7,
    member: 3,
    piece: pieces.node(4, { lo: 0, hi: 2 }),
    chunk: message,
  });
  expect(decode(PushChunkSchema, framed(encodeMessage(PushChunkSchema, pushed)))).toEqual(pushed);
});

test('the bulk is not copied before it is framed', () => {
  const message = chunk(8192);
  const encoded = encodeMessage(ChunkSchema, message);
  message.data[100] = 42;
  const decoded = decode(ChunkSchema, framed(encoded));
  expect('data' in decoded && decoded.data[100]).toBe(42);
});
