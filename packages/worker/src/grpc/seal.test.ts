import { create, fromBinary } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { pieces } from '../exchange/pieces.ts';
import { PullRequestSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { FromWorkerSchema } from '../gen/lockstep/v1/training_pb.ts';
import { decode, encode, Malformed } from './codec.ts';
import { seal, unseal } from './seal.ts';

const request = create(PullRequestSchema, {
  run: 'r',
  term: 65_536,
  member: 3,
  piece: pieces.node(4, { lo: 0, hi: 2 }),
});

test('a sealed message is one that any protobuf library reads', () => {
  const bytes = encode(PullRequestSchema, request);
  expect(fromBinary(PullRequestSchema, bytes)).toMatchObject({
    run: 'r',
    checksum: bytes.readUInt32LE(bytes.length - 4),
  });
  expect(decode(PullRequestSchema, bytes)).toEqual(request);
});

test('each flipped bit and each missing byte is noticed', () => {
  const bytes = encode(PullRequestSchema, request);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = Uint8Array.from(bytes);
    changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
    expect(decode(PullRequestSchema, changed)).toMatchObject({ damaged: true });
  }
  for (let length = 0; length < bytes.length; length++) {
    const cut = decode(PullRequestSchema, bytes.subarray(0, length));
    expect(cut instanceof Malformed && cut.damaged).toBe(true);
  }
});

test('a message of no bytes is sealed as well', () => {
  expect(unseal(seal(new Uint8Array()))).toHaveLength(0);
  expect(decode(FromWorkerSchema, encode(FromWorkerSchema, create(FromWorkerSchema)))).toMatchObject({ term: 0 });
});
