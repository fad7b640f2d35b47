import type { DType } from '../graph/dim.ts';
import type { OptimizerSpec } from '../optim/optimizer-spec.ts';
import type { ParameterLayout } from '../program/layout.ts';
import type { Program } from '../program/program.ts';

/** One named array of a sample, e.g. `image: f32 [1, 28, 28]`. A number in a sample is a field of shape []. */
export interface FieldSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** Everything about a traced job that is data: it crosses to the engine, the threads and into checkpoints. */
export interface JobSpec {
  readonly name: string;
  readonly numericsVersion: number;
  readonly seed: number;
  readonly batch: { readonly size: number; readonly shards: number };
  /** Steps of the whole run, from `steps` or `epochs`. */
  readonly steps: number;
  readonly trainLength: number;
  readonly testLength: number;
  readonly layout: ParameterLayout;
  readonly fields: readonly FieldSpec[];
  /** Names of host scalars, in the order of `StepValues.scalars`. */
  readonly scalars: readonly string[];
  readonly train: Program;
  readonly evaluate: Program;
  /** Absent where the model cannot be applied to the input fields alone. */
  readonly predict: Program | null;
  /** Input fields that `predict` reads. */
  readonly predictFields: readonly string[];
  /**
   * Names of loss and metrics; the Programs' statistics are `<name>.sum` and `<name>.weight` of each, in order.
   * The first is `loss`.
   */
  readonly metrics: readonly string[];
  /** The same for the evaluate Program. */
  readonly evaluateMetrics: readonly string[];
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number | null;
  readonly nonFinite: 'stop' | 'skip';
  /** Steps between evaluations; 0 = at each epoch's end and after the last step. */
  readonly evalEvery: number;
  /** Steps between checkpoints; 0 = every 30 s and at each epoch's end. */
  readonly checkpointEvery: number;
  readonly keep: { readonly last: number; readonly best: boolean };
  /** Digest of the data, part of the run's identity. */
  readonly dataDigest: string;
}

/** Host values of one step: f64 learning rate per group and scalars. */
export interface StepValues {
  readonly learningRates: readonly number[];
  readonly scalars: readonly number[];
}

/**
 * The closures of a job, on whichever thread they live: the engine's own for a job given as a path, the caller's for a
 * job given as an object. All asynchronous so that both look the same.
 */
export interface JobHost {
  stepValues(step: number): StepValues | Promise<StepValues>;
  /**
   * Writes samples `indices` of a split into one array per field, rows in order. `into` holds, by field, a view of
   * `indices.length` rows with the field's dtype.
   */
  fill(
    split: 'train' | 'test',
    indices: readonly number[],
    into: Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>,
  ): void | Promise<void>;
}

export interface TracedJob {
  readonly spec: JobSpec;
  readonly initialParameters: Float32Array;
  readonly host: JobHost;
}
