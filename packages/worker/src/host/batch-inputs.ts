import { type FieldSpec, type JobSpec, writeField } from '@lockstep/core/internal';
import { pieces } from '../exchange/pieces.ts';
import { BufferSink, type Sink } from '../exchange/sink.ts';
import { Encoding, type Piece } from '../gen/lockstep/v1/exchange_pb.ts';
import type { FieldView } from '../memory/slot-view.ts';
import { decodeBatch } from '../protocol/batch.ts';
import { shardsOf } from '../sharding/shards.ts';
import type { TreeNode } from '../sharding/tree.ts';
import type { PlannedJob } from './planned-job.ts';

/** A batch, or the part of it that is wanted here. */
export interface WantedBatch {
  readonly item: number;
  readonly step: number;
  readonly test: boolean;
  /** Samples of the whole batch. */
  readonly samples: number;
  readonly ranges: readonly TreeNode[];
  /** Of the samples of the ranges, in order. */
  readonly indices: readonly number[];
  /** Step of a local round. */
  readonly localStep?: number;
}

const filled = (ranges: readonly TreeNode[]): readonly TreeNode[] => ranges.filter(({ lo, hi }) => lo < hi);

export type Fetch = (piece: Piece, sink: Sink) => Promise<void>;

/** Samples come as msgpack: names, shapes and lengths beside the bytes. */
const envelopeBytes = 64 * 1024;

const elementsOf = ({ shape }: FieldSpec): number => shape.reduce((n, d) => n * d, 1);

/** Fetches the samples of shards, ahead of time where it is told to, and puts them where they are computed on. */
export class BatchInputs {
  readonly #fetched = new Map<string, Promise<Uint8Array>>();

  /** Begins to fetch what will probably be wanted. A failure shows when it is. */
  prefetch(job: PlannedJob, wanted: WantedBatch, fetch: Fetch): void {
    if (this.#source(job, wanted)) return;
    for (const range of filled(wanted.ranges)) void this.#fetch(job.spec, wanted, range, fetch).catch(() => undefined);
  }

  /** Fills the rows of the wanted samples. @param into arrays over the whole batch */
  async fill(
    job: PlannedJob,
    wanted: WantedBatch,
    into: Readonly<Record<string, FieldView>>,
    fetch: Fetch,
  ): Promise<void> {
    const { spec } = job;
    const source = this.#source(job, wanted);
    const shards = shardsOf(wanted.samples, spec.batch.shards);
    let read = 0;
    for (const range of filled(wanted.ranges)) {
      const from = shards[range.lo]?.from ?? 0;
      const to = shards[range.hi - 1]?.to ?? 0;
      if (from === to) continue;
      if (source) {
        for (let row = from; row < to; row++, read++) {
          const index = wanted.indices[read] as number;
          const sample = await source.sample(index);
          for (const field of spec.fields)
            writeField(
              into[field.name] as FieldView,
              row,
              elementsOf(field),
              sample[field.name],
              () => `Sample ${index} of the data, field "${field.name}"`,
            );
        }
        continue;
      }
      const bytes = await this.#fetch(spec, wanted, range, fetch);
      const rows = Object.fromEntries(
        spec.fields.map((field) => {
          const size = elementsOf(field);
          return [field.name, (into[field.name] as FieldView).subarray(from * size, to * size)];
        }),
      );
      decodeBatch(bytes, spec.fields, to - from, rows);
    }
  }

  /** Forgets what was fetched for items before this one. */
  drop(before: number): void {
    for (const key of this.#fetched.keys()) {
      if (Number.parseInt(key, 10) < before) this.#fetched.delete(key);
    }
  }

  forget(): void {
    this.#fetched.clear();
  }

  #source(job: PlannedJob, { test, indices }: WantedBatch) {
    return indices.length > 0 ? (test ? job.test : job.train) : undefined;
  }

  #fetch(spec: JobSpec, wanted: WantedBatch, range: TreeNode, fetch: Fetch): Promise<Uint8Array> {
    const { item, step, test, samples, localStep = 0 } = wanted;
    const key = `${item} ${localStep} ${range.lo}-${range.hi}`;
    const known = this.#fetched.get(key);
    if (known) return known;
    const rows = shardsOf(samples, spec.batch.shards)
      .slice(range.lo, range.hi)
      .reduce((n, { from, to }) => n + to - from, 0);
    const rowBytes = spec.fields.reduce((n, field) => n + elementsOf(field) * (field.dtype === 'u8' ? 1 : 4), 0);
    const sink = new BufferSink(rows * rowBytes + envelopeBytes, [Encoding.MSGPACK]);
    const bytes = fetch(pieces.batch({ item, step, test, range, localStep }), sink).then(() => sink.bytes);
    this.#fetched.set(key, bytes);
    // A later try is a new one.
    bytes.catch(() => this.#fetched.delete(key));
    return bytes;
  }
}
