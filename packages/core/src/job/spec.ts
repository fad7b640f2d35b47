import type { DataDescriptor } from '../data/descriptor.ts';
import type { DType } from '../graph/dim.ts';
import type { OptimizerSpec } from '../optim/optimizer-spec.ts';
import type { ParameterLayout } from '../program/layout.ts';
import type { Program } from '../program/program.ts';
import type { Gathered } from './options.ts';

/** One named array of a sample, e.g. `image: f32 [1, 28, 28]`. A number in a sample is a field of shape []. */
export interface FieldSpec {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** One kind of update of a step: all of them in most jobs, generator or discriminator in a GAN. */
export interface PhaseSpec {
  /** Empty where the job has a single one. */
  readonly name: string;
  /** Takes part in steps 0, every, 2 every, ... */
  readonly every: number;
  readonly program: Program;
  /**
   * Names of loss and metrics; the Program's statistics begin with `<name>.sum` and `<name>.weight` of each, in order.
   * The first is `loss`.
   */
  readonly metrics: readonly string[];
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number | null;
  readonly clipValue: number | null;
  readonly penalties: readonly PenaltySpec[];
  readonly buffers: readonly BufferSpec[];
  readonly activations: readonly ActivationSpec[];
}

/** l1 * sum |w| + l2 / 2 * sum w^2 over some parameters, added to the mean loss. */
export interface PenaltySpec {
  readonly parameters: readonly string[];
  readonly l1: number;
  readonly l2: number;
}

export interface EarlyStoppingSpec {
  readonly monitor: string;
  readonly mode: 'min' | 'max';
  readonly patience: number;
  readonly minDelta: number;
}

/** buffer = (1 - momentum) * buffer + momentum * total / weight. */
export interface BufferSpec {
  readonly name: string;
  readonly momentum: number;
  /** Index of the statistic that holds the weight; the total lies in the buffer's place of the gradient vector. */
  readonly weight: number;
}

/** A watched layer: statistics `index` and `index + 1` are the sum and the sum of squares of its output. */
export interface ActivationSpec {
  readonly name: string;
  readonly index: number;
  readonly elementsPerSample: number;
}

/** Everything about a traced job that is data: it crosses to the engine, the threads and into checkpoints. */
export interface JobSpec {
  readonly name: string;
  readonly numericsVersion: number;
  readonly seed: number;
  readonly batch: { readonly size: number; readonly shards: number };
  /** Steps of the whole run, from `steps` or `epochs`. */
  readonly steps: number;
  /** Of a stream: more than any run can use. */
  readonly trainLength: number;
  /** Whether training samples are taken in order instead of shuffled by epoch. */
  readonly sequential: boolean;
  readonly testLength: number;
  readonly layout: ParameterLayout;
  readonly fields: readonly FieldSpec[];
  /** Names of host scalars, in the order of `StepValues.scalars`. */
  readonly scalars: readonly string[];
  readonly phases: readonly PhaseSpec[];
  readonly evaluate: Program;
  /** Absent where the model cannot be applied to the input fields alone. */
  readonly predict: Program | null;
  /** Input fields that `predict` reads. */
  readonly predictFields: readonly string[];
  /** Metrics of the evaluate Program, as in a phase. */
  readonly evaluateMetrics: readonly string[];
  /** Outputs of the evaluate Program that host metrics want. */
  readonly gathered: readonly FieldSpec[];
  /** Names of metrics that are functions of the gathered outputs. */
  readonly hostMetrics: readonly string[];
  /** Whether a layer normalises over the samples of its shard. */
  readonly mixesSamples: boolean;
  /** Decay of the moving average of the weights, that is evaluated and predicted with; null = none. */
  readonly ema: number | null;
  readonly earlyStopping: EarlyStoppingSpec | null;
  /** Whether learning rates depend on the losses of evaluations. */
  readonly followsEvaluations: boolean;
  /** Steps between events about layers; 0 = none. */
  readonly watchEvery: number;
  readonly nonFinite: 'stop' | 'skip';
  /** Steps between evaluations; 0 = at each epoch's end and after the last step. */
  readonly evalEvery: number;
  /** Steps between checkpoints; 0 = every 30 s and at each epoch's end. */
  readonly checkpointEvery: number;
  readonly keep: { readonly last: number; readonly best: boolean };
  /** Digest of the data, part of the run's identity. */
  readonly dataDigest: string;
}

/** Data that other machines can open by themselves, and the fingerprint that says whether they got the same. */
export interface OpenableData {
  readonly descriptor: DataDescriptor;
  readonly digest: string;
}

/** Host values of one step: f64 learning rate per group, phase by phase, and scalars. */
export interface StepValues {
  readonly learningRates: readonly number[];
  readonly scalars: readonly number[];
}

/**
 * The closures of a job, on whichever thread they live: the engine's own for a job given as a path, the caller's for a
 * job given as an object. All asynchronous so that both look the same.
 */
export interface JobHost {
  /** The splits that can be opened elsewhere. */
  openable(): Promise<{ readonly train?: OpenableData; readonly test?: OpenableData }>;
  /** @param losses on the test split so far, where `spec.followsEvaluations` */
  stepValues(step: number, losses: readonly number[]): StepValues | Promise<StepValues>;
  /** The host metrics of an evaluation. */
  measure(
    gathered: Readonly<Record<string, Gathered>>,
    means: Readonly<Record<string, number>>,
  ): Record<string, number> | Promise<Record<string, number>>;
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
