import type { FieldSpec } from '@lockstep/core/internal';
import type { Regions } from './regions.ts';

/**
 * What the threads are to do with a slot of the ring. `train`, `evaluate` and `snapshot` are those of a run on one machine; `compute` (shards,
 * whose tapes were written while the run goes on), `update` (from a reduced vector) and `load` (a state was written from outside) those of a replica.
 */
export const slotKind = { stop: 0, train: 1, evaluate: 2, snapshot: 3, compute: 4, update: 5, load: 6 } as const;
export type SlotKind = (typeof slotKind)[keyof typeof slotKind];

/** How a step ended; the first three are the words of `decide` in kernels/step.ts. */
export const stepStatus = { updated: 0, notFinite: 1, noWeight: 2, badIndex: 3 } as const;

/** i32 words at the start of a slot. */
export const slotWord = { kind: 0, binding: 1, key0: 2, key1: 3, status: 4, phase: 5 } as const;

const headerBytes = 64;

/** One place of the ring between engine and threads: a whole global batch with its host values, and the answer to it. */
export interface Slot {
  readonly header: number;
  /** f64 for each parameter group. */
  readonly learningRates: number;
  readonly scalars: Readonly<Record<string, number>>;
  readonly inputs: Readonly<Record<string, number>>;
  /** Outputs of an evaluation, all samples of the batch in order. */
  readonly gathered: Readonly<Record<string, number>>;
  /** f32 sums and weights of loss and metrics. */
  readonly statistics: number;
  /** The record of `decide`: f64 norm, f32 scale, i32 status. */
  readonly record: number;
  /** Four u32. */
  readonly digest: number;
  /** f64 value of the penalties. */
  readonly penalty: number;
  /** f64 sum of squares of each parameter's gradient sum, in layout order, where layers are watched. */
  readonly gradientSquares: number;
}

export interface SlotSizes {
  readonly fields: readonly FieldSpec[];
  readonly gathered: readonly FieldSpec[];
  readonly samples: number;
  readonly groups: number;
  readonly scalars: readonly string[];
  readonly statistics: number;
  /** Parameters whose gradients are watched. */
  readonly watched: number;
}

const bytesOf = { f32: 4, i32: 4, u8: 1 } as const;

export const sampleBytes = ({ dtype, shape }: FieldSpec): number => shape.reduce((n, d) => n * d, bytesOf[dtype]);

export function reserveSlot(regions: Regions, sizes: SlotSizes): Slot {
  const what = 'batches';
  const batches = (fields: readonly FieldSpec[]) =>
    Object.fromEntries(fields.map((field) => [field.name, regions.reserve(what, sampleBytes(field) * sizes.samples)]));
  return {
    header: regions.reserve(what, headerBytes),
    learningRates: regions.reserve(what, sizes.groups * 8),
    scalars: Object.fromEntries(sizes.scalars.map((name) => [name, regions.reserve(what, 4)])),
    inputs: batches(sizes.fields),
    gathered: batches(sizes.gathered),
    statistics: regions.reserve(what, sizes.statistics * 4),
    record: regions.reserve(what, 16),
    digest: regions.reserve(what, 16),
    penalty: regions.reserve(what, 8),
    gradientSquares: regions.reserve(what, sizes.watched * 8),
  };
}
