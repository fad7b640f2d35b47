import { create } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Chunk, ChunkSchema, Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { status } from '../grpc/status-error.ts';
import { Assembly } from './assembly.ts';
import { chunkAt } from './chunks.ts';
import { bytesSource } from './piece-source.ts';
import { BufferSink, vectorSink } from './sink.ts';

const bytes = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);
const source = bytesSource(bytes);
const chunk = (change: Partial<Chunk> = {}) => {
  const data = change.data ?? bytes.subarray(0, 10);
  const whole = { offset: 0, data, total: 1000, encoding: Encoding.RAW };
  return create(ChunkSchema, { ...whole, ...change } as Chunk);
};

test('chunks in any order, some of them twice, make the piece', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray([...Array(20).keys(), ...Array(20).keys()], { minLength: 40 }), (order) => {
      const sink = new BufferSink(1000);
      const assembly = new Assembly(sink);
      for (const k of order) assembly.accept(chunkAt(source, 50 * k, 50, 0));
      expect(assembly.complete).toBe(true);
      expect(sink.bytes).toEqual(bytes);
    }),
  );
});

test('the prefix is where a broken stream goes on', () => {
  const assembly = new Assembly(new BufferSink(1000));
  expect(assembly.prefix).toBe(0);
  assembly.accept(chunkAt(source, 100, 100, 0));
  expect(assembly.prefix).toBe(0);
  assembly.accept(chunkAt(source, 0, 100, 0));
  expect(assembly.prefix).toBe(200);
  expect(assembly.complete).toBe(false);
});

test('a piece of no bytes is complete with its one empty chunk', () => {
  const assembly = new Assembly(new BufferSink(0));
  assembly.accept(chunkAt(bytesSource(new Uint8Array()), 0, 0, 0));
  expect(assembly.complete).toBe(true);
});

describe('refused', () => {
  test.each<[string, Partial<Chunk>, status]>([
    ['nothing', { data: new Uint8Array() }, status.INVALID_ARGUMENT],
    ['a negative offset', { offset: -1 }, status.INVALID_ARGUMENT],
    ['a fraction of a byte', { offset: 0.5 }, status.INVALID_ARGUMENT],
    ['NaN', { offset: Number.NaN }, status.INVALID_ARGUMENT],
    ['an infinite total', { total: Number.POSITIVE_INFINITY }, status.INVALID_ARGUMENT],
    ['beyond the end', { offset: 995 }, status.INVALID_ARGUMENT],
    ['a total over the limit', { total: 2 ** 40 }, status.RESOURCE_EXHAUSTED],
    ['another encoding', { encoding: Encoding.MSGPACK }, status.INVALID_ARGUMENT],
    ['an unknown encoding', { encoding: 77 as Encoding }, status.INVALID_ARGUMENT],
  ])('%s', (_, change, code) => {
    const assembly = new Assembly(new BufferSink(1000));
    expect(() => assembly.accept(chunk(change))).toThrow(expect.objectContaining({ status: code }));
    expect(assembly.received).toBe(0);
  });

  test('chunks that disagree about their piece, or overlap in part', () => {
    const assembly = new Assembly(new BufferSink(2000));
    assembly.accept(chunk());
    expect(() => assembly.accept(chunk({ total: 1001 }))).toThrow('disagree');
    expect(() => assembly.accept(chunk({ offset: 5 }))).toThrow('overlap');
  });

  test('a piece in more parts than anybody sends', () => {
    const assembly = new Assembly(new BufferSink(5000));
    const part = (offset: number) => chunk({ offset, total: 5000, data: bytes.subarray(0, 1) });
    for (let k = 0; k < 1024; k++) assembly.accept(part(2 * k));
    expect(() => assembly.accept(part(4000))).toThrow('too many parts');
  });

  test('a vector of another length', () => {
    const assembly = new Assembly(vectorSink(new Float32Array(10)));
    expect(() => assembly.accept(chunk({ encoding: Encoding.F32, total: 44, data: bytes.subarray(0, 8) }))).toThrow(
      'a vector of 10 elements was to come, not 44 bytes',
    );
  });
});
