import { expect, test } from 'vitest';
import { Board } from '../exchange/board.ts';
import { vectorSource } from '../exchange/piece-source.ts';
import { pieces } from '../exchange/pieces.ts';
import type { Sink } from '../exchange/sink.ts';
import { f32Format } from '../exchange/vector-format.ts';
import type { Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { Work } from '../gen/lockstep/v1/training_pb.ts';
import { StatusError, status } from '../grpc/status-error.ts';
import { exchange } from './exchange-task.ts';

const [first, second] = [
  { from: 0, to: 2 },
  { from: 2, to: 4 },
];

/** Two members with a shard and a slice each; this one is the first. */
const work = {
  item: 7,
  samples: 2,
  owners: [
    { member: 1, address: 'here:1', slice: first },
    { member: 2, address: 'there:1', slice: second },
  ],
  shares: [
    { member: 1, address: 'here:1', ranges: [{ lo: 0, hi: 1 }] },
    { member: 2, address: 'there:1', ranges: [{ lo: 1, hi: 2 }] },
  ],
} as unknown as Work;

function setUp() {
  const board = new Board();
  const reduced = new Float32Array(4);
  const added: Piece[] = [];
  const pulled: string[] = [];
  const run = (owner: 'answers' | 'is away', of = work) =>
    exchange({
      ...{ work: of, member: 1, shards: 2, reduced, format: f32Format, board, added },
      adderFor: () => (into, values) =>
        into.forEach((value, i) => {
          into[i] = value + (values[i] as number);
        }),
      room: (_, elements) => new Float32Array(elements),
      async pull(_, piece, sink: Sink) {
        const { case: kind } = piece.piece;
        pulled.push(`${kind}`);
        if (kind === 'reduced' && owner === 'is away') throw new StatusError(status.UNAVAILABLE, 'there:1 is away');
        const slice = (piece.piece.value as { slice: { from: number; to: number } }).slice;
        const source = vectorSource(Float32Array.of(1, 2, 3, 4), f32Format, slice.from, slice.to);
        sink.open(source.bytes, source.encoding);
        sink.write(0, source.read(0, source.bytes));
      },
    });
  return { board, reduced, pulled, run };
}

test('a slice that was added up in an earlier try is not made anew under those who read it', async () => {
  const { board, reduced, pulled, run } = setUp();
  await expect(run('is away')).rejects.toThrow('there:1 is away');
  const mine = pieces.reduced(7, first);
  const { publication } = await board.find(mine, 0, new AbortController().signal);
  const before = pulled.filter((kind) => kind === 'node').length;
  await run('answers');
  expect(pulled.filter((kind) => kind === 'node').length).toBe(before);
  expect(publication.withdrawn).toBe(false);
  expect([...reduced]).toEqual([2, 4, 3, 4]);
});

test('where a try has other slices, what was up is withdrawn before it is overwritten', async () => {
  const { board, reduced, run } = setUp();
  await expect(run('is away')).rejects.toThrow('there:1 is away');
  const { publication } = await board.find(pieces.reduced(7, first), 0, new AbortController().signal);
  const alone = { ...work, owners: [{ member: 1, address: 'here:1', slice: { from: 0, to: 4 } }] } as unknown as Work;
  await run('answers', alone);
  expect(publication.withdrawn).toBe(true);
  expect(() => publication.check()).toThrow('the run has moved on');
  expect([...reduced]).toEqual([2, 4, 6, 8]);
});
