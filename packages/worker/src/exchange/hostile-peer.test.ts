import { create } from '@bufbuild/protobuf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chunk, ChunkSchema, Encoding, Exchange } from '../gen/lockstep/v1/exchange_pb.ts';
import { Channel } from '../grpc/channel.ts';
import { type GrpcServer, serve, served } from '../grpc/server.ts';
import { status } from '../grpc/status-error.ts';
import { checksumOf } from './chunks.ts';
import { pieces } from './pieces.ts';
import { pull } from './pull.ts';
import { BufferSink, vectorSink } from './sink.ts';
import { transferSeed } from './transfer.ts';

// A peer that was let in serves nonsense: the puller ends with a status, takes no memory for it, and does not wait for ever.

let server: GrpcServer;
let channel: Channel;
let answer: () => Generator<Partial<Chunk>>;

beforeAll(async () => {
  server = await serve({
    address: '127.0.0.1:0',
    security: {},
    services: [
      served(
        Exchange,
        {
          async pull(request, send) {
            const seed = transferSeed(request, request.piece);
            for (const change of answer()) {
              const data = change.data ?? new Uint8Array(100);
              const whole = { offset: 0, data, total: 1000, encoding: Encoding.RAW };
              const chunk = create(ChunkSchema, { ...whole, ...change } as Chunk);
              chunk.checksum = change.checksum ?? checksumOf(chunk, seed);
              await send(chunk);
            }
          },
          push: () => Promise.reject(new Error('unused')),
        },
        [],
      ),
    ],
  });
  channel = new Channel({ address: server.address, security: {}, expect: { role: 'worker' } });
});
afterAll(async () => {
  channel.close();
  await server.close();
});

const asker = { run: 'r', term: 1, member: 1 };

test.each<[string, () => Generator<Partial<Chunk>>, status]>([
  [
    'chunks of nothing without end',
    function* () {
      for (;;) yield { data: new Uint8Array() };
    },
    status.INVALID_ARGUMENT,
  ],
  [
    'the first chunk again and again',
    function* () {
      for (;;) yield {};
    },
    status.DATA_LOSS,
  ],
  [
    'chunks out of order',
    function* () {
      yield { offset: 500 };
    },
    status.DATA_LOSS,
  ],
  [
    'a size beyond all limits',
    function* () {
      yield { total: 2 ** 50 };
    },
    status.RESOURCE_EXHAUSTED,
  ],
  [
    'a chunk of 2 MiB',
    function* () {
      yield { data: new Uint8Array(2 ** 21), total: 2 ** 21 };
    },
    status.INVALID_ARGUMENT,
  ],
  [
    'a message of 5 MiB',
    function* () {
      yield { data: new Uint8Array(5 * 2 ** 20) };
    },
    status.RESOURCE_EXHAUSTED,
  ],
  [
    'more than the whole',
    function* () {
      for (let offset = 0; ; offset += 100) yield { offset };
    },
    status.INVALID_ARGUMENT,
  ],
  [
    'less than the whole, each time',
    function* () {
      yield {};
    },
    status.DATA_LOSS,
  ],
  ['no chunk at all', function* () {}, status.DATA_LOSS],
  [
    'bytes that do not fit their checksum',
    function* () {
      yield { checksum: 1 };
    },
    status.DATA_LOSS,
  ],
])('%s', async (_, served, code) => {
  answer = served;
  await expect(pull(channel, asker, pieces.job(), new BufferSink(4096), { tries: 2 })).rejects.toMatchObject({
    status: code,
  });
});

test('a vector of another kind or length does not touch the one that waits for it', async () => {
  const vector = new Float32Array(250).fill(7);
  for (const change of [{}, { encoding: Encoding.F32, total: 999 }, { encoding: Encoding.BF16 }]) {
    answer = function* () {
      yield change;
    };
    await expect(pull(channel, asker, pieces.job(), vectorSink(vector))).rejects.toMatchObject({
      status: status.INVALID_ARGUMENT,
    });
  }
  expect(vector.every((value) => value === 7)).toBe(true);
});
