import type { FieldSpec } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import type { Sink } from '../exchange/sink.ts';
import { Encoding, type Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import { encodeBatch } from '../protocol/batch.ts';
import { BatchInputs, type WantedBatch } from './batch-inputs.ts';
import type { PlannedJob } from './planned-job.ts';

const fields: FieldSpec[] = [{ name: 'x', dtype: 'f32', shape: [] }];
// Of a job it knows fields and shards.
const job = {
  spec: { fields, batch: { size: 4, shards: 2 } },
  train: undefined,
  test: undefined,
} as never as PlannedJob;

const wanted = (item: number, lo = 0): WantedBatch => ({
  ...{ item, step: item - 1, test: false, samples: 4, indices: [] },
  ranges: [{ lo, hi: lo + 1 }],
});

/** A coordinator that has the samples of all batches, and counts what it is asked for. */
class Source {
  readonly asked: string[] = [];
  fails = false;

  readonly fetch = async (piece: Piece, sink: Sink): Promise<void> => {
    if (piece.piece.case !== 'batch') throw new Error('a batch was to be asked for');
    const { item, range } = piece.piece.value;
    this.asked.push(`${item} ${range?.lo}-${range?.hi}`);
    if (this.fails) throw new Error('the connection broke');
    const bytes = encodeBatch(fields, 2, { x: Float32Array.of(item, 10 * (range?.lo ?? 0)) });
    sink.open(bytes.length, Encoding.MSGPACK);
    sink.write(0, bytes);
  };
}

async function filled(inputs: BatchInputs, batch: WantedBatch, source: Source): Promise<number[]> {
  const x = new Float32Array(4);
  await inputs.fill(job, batch, { x }, source.fetch);
  return [...x];
}

test('a batch that was announced is fetched while the one before is computed, and not again', async () => {
  const [inputs, source] = [new BatchInputs(), new Source()];
  inputs.prefetch(job, wanted(2), source.fetch);
  expect(source.asked).toEqual(['2 0-1']);
  expect(await filled(inputs, wanted(2), source)).toEqual([2, 0, 0, 0]);
  expect(source.asked).toEqual(['2 0-1']);
});

test('other shards than were announced are fetched when they are wanted', async () => {
  const [inputs, source] = [new BatchInputs(), new Source()];
  inputs.prefetch(job, wanted(2), source.fetch);
  expect(await filled(inputs, wanted(2, 1), source)).toEqual([0, 0, 2, 10]);
  expect(source.asked).toEqual(['2 0-1', '2 1-2']);
});

test('what could not be fetched ahead is fetched when it is wanted; what is over is forgotten', async () => {
  const [inputs, source] = [new BatchInputs(), new Source()];
  source.fails = true;
  inputs.prefetch(job, wanted(2), source.fetch);
  // The failure is told when it is asked for.
  await expect(filled(inputs, wanted(2), source)).rejects.toThrow('the connection broke');
  source.fails = false;
  expect(await filled(inputs, wanted(2), source)).toEqual([2, 0, 0, 0]);
  inputs.drop(3);
  await filled(inputs, wanted(2), source);
  expect(source.asked).toEqual(['2 0-1', '2 0-1', '2 0-1']);
});
