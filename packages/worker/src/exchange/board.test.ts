import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { PieceSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { status } from '../grpc/status-error.ts';
import { Board } from './board.ts';
import { bytesSource, vectorSource } from './piece-source.ts';
import { pieces } from './pieces.ts';

const source = bytesSource(new Uint8Array([1, 2, 3]));
const never = () => new AbortController().signal;
const aborted = expect.objectContaining({ status: status.ABORTED });

test('who asks early gets the piece when it is published', async () => {
  const board = new Board();
  board.moveTerm(3);
  const found = board.find(pieces.node(7, { lo: 0, hi: 4 }), 3, never());
  board.publish(pieces.node(7, { lo: 4, hi: 8 }), source);
  const { source: published } = board.publish(pieces.node(7, { lo: 0, hi: 4 }), source);
  expect((await found).publication.source).toBe(published);
});

test('the term moving on ends what was asked under older ones, not what was published', async () => {
  const board = new Board();
  board.moveTerm(3);
  board.publish(pieces.node(7, { lo: 0, hi: 4 }), source);
  const { over } = await board.find(pieces.node(7, { lo: 0, hi: 4 }), 3, never());
  const waiting = board.find(pieces.node(8, { lo: 0, hi: 4 }), 3, never());
  const ahead = board.find(pieces.node(7, { lo: 0, hi: 4 }), 4, never());
  board.moveTerm(4);
  await expect(waiting).rejects.toEqual(aborted);
  await expect(board.find(pieces.node(7, { lo: 0, hi: 4 }), 3, never())).rejects.toEqual(aborted);
  expect(over.aborted).toBe(true);
  expect((await ahead).over.aborted).toBe(false);
  board.moveTerm(2);
  expect(board.term).toBe(4);
});

test('released pieces are gone for who waits and who comes later', async () => {
  const board = new Board();
  const publication = board.publish(pieces.parameters(5), source);
  board.publish(pieces.job(), source);
  const waiting = board.find(pieces.node(5, { lo: 0, hi: 1 }), 0, never());
  board.release(6);
  expect(publication.withdrawn).toBe(true);
  await expect(waiting).rejects.toEqual(aborted);
  await expect(board.find(pieces.parameters(5), 0, never())).rejects.toEqual(aborted);
  expect((await board.find(pieces.job(), 0, never())).slice.bytes).toBe(3);
});

test('a slice can leave as soon as its elements are final, those before it or not', async () => {
  const board = new Board();
  const piece = pieces.node(2, { lo: 0, hi: 1 });
  const publication = board.publish(piece, vectorSource(new Float32Array(100)), 0);
  const { slice } = await board.find(pieces.node(2, { lo: 0, hi: 1 }, { from: 60, to: 80 }), 0, never());
  let ready = false;
  const waiting = publication.ready(slice, slice.bytes, never()).then(() => {
    ready = true;
  });
  publication.settle({ from: 70, to: 100 });
  await Promise.resolve();
  expect(ready).toBe(false);
  publication.settle({ from: 60, to: 70 });
  await waiting;
});

test('an asker that leaves is forgotten', async () => {
  const board = new Board();
  const leaving = new AbortController();
  const waiting = board.find(pieces.state(1), 0, leaving.signal);
  leaving.abort();
  await expect(waiting).rejects.toEqual(aborted);
});

test('a slice is ready as soon as its elements are', async () => {
  const board = new Board();
  const vector = Float32Array.from({ length: 100 }, (_, i) => i);
  const whole = board.publish(pieces.node(1, { lo: 0, hi: 2 }), vectorSource(vector, { rounded: 60 }), 10);
  const { slice, publication } = await board.find(pieces.node(1, { lo: 0, hi: 2 }, { from: 50, to: 70 }), 0, never());
  expect(slice.bytes).toBe(10 * 2 + 10 * 4);
  let ready = false;
  const waiting = publication.ready(slice, 22, never()).then(() => {
    ready = true;
  });
  whole.advance(60);
  await new Promise(setImmediate);
  expect(ready).toBe(false);
  whole.advance(61);
  await waiting;
  const rest = publication.ready(slice, slice.bytes, never());
  board.withdraw(pieces.node(1, { lo: 0, hi: 2 }));
  await expect(rest).rejects.toEqual(aborted);
});

test('pieces that name nothing, or slices that are none, are refused', async () => {
  const board = new Board();
  board.publish(pieces.node(1, { lo: 0, hi: 2 }), vectorSource(new Float32Array(4)));
  const ask = (piece: Parameters<Board['find']>[0]) => board.find(piece, 0, never());
  await expect(ask(undefined)).rejects.toThrow('names nothing');
  await expect(ask(create(PieceSchema))).rejects.toThrow('names nothing');
  await expect(ask(pieces.node(1, { lo: 3, hi: 3 }))).rejects.toThrow('empty range');
  await expect(ask(pieces.node(1, { lo: 0, hi: 2 }, { from: 2, to: 1 }))).rejects.toThrow('empty slice');
  await expect(ask(pieces.node(1, { lo: 0, hi: 2 }, { from: 0, to: 2 ** 32 - 1 }))).rejects.toThrow('of 4 elements');
});
