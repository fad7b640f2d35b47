import { expect, test } from 'vitest';
import { Encoding } from '../gen/lockstep/v1/exchange_pb.ts';
import { compoundSink, compoundSource } from './compound-piece.ts';

test('any cut of several arrays arrives as it was', () => {
  const parts = [Uint8Array.of(1, 2, 3), new Uint8Array(0), Uint8Array.of(4), Uint8Array.of(5, 6, 7, 8)];
  const source = compoundSource(parts);
  for (const size of [1, 2, 3, 5, 8]) {
    const copies = parts.map(({ length }) => new Uint8Array(length));
    const sink = compoundSink(copies);
    sink.open(source.bytes, Encoding.RAW);
    for (let at = 0; at < source.bytes; at += size) sink.write(at, source.read(at, Math.min(source.bytes, at + size)));
    expect(copies).toEqual(parts);
  }
});

test('a state of another size is refused before a byte is written', () => {
  expect(() => compoundSink([new Uint8Array(4)]).open(5, Encoding.RAW)).toThrow(/a state of 4 bytes/);
});
