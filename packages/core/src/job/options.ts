import type { DataSource } from '../data/source.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weighted } from '../loss/weighted.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer, ParameterRule } from '../optim/optimizers.ts';

export interface DataOptions {
  /** `--data PATH`; undefined = the job's own default. */
  readonly path: string | undefined;
  readonly seed: number;
}

export interface DataSplits {
  readonly train: DataSource;
  readonly test?: DataSource;
}

/** One tensor per field of a sample, with the batch as first dimension. */
export type BatchOf<D extends DataSplits> =
  D['train'] extends DataSource<infer S> ? { readonly [Field in keyof S]: Tensor } : Readonly<Record<string, Tensor>>;

export interface StepContext<M, D extends DataSplits = DataSplits> {
  readonly model: M;
  readonly batch: BatchOf<D>;
  /** Host values of this step, by name. */
  readonly scalars: Readonly<Record<string, Tensor>>;
}

/** Values per sample or token: `loss` is minimised, the others are reported. */
export type StepResult = { readonly loss: Weighted | Tensor } & Readonly<Record<string, Weighted | Tensor>>;

/**
 * Added to the mean loss: `l1 * sum |w| + l2 / 2 * sum w^2` over the parameters that the rule takes; both together are the elastic net. Its
 * gradient joins that of the loss before clipping. Steps report it as the metric `penalty`, beside `loss`, which stays without it.
 */
export interface Penalty {
  /** Default: all parameters. */
  readonly params?: ParameterRule;
  readonly l1?: number;
  readonly l2?: number;
}

/** How a set of parameters is trained. */
export interface UpdateOptions<M extends Module = Module, D extends DataSplits = DataSplits> {
  readonly optimizer: Optimizer;
  readonly step: (context: StepContext<M, D>) => StepResult;
  /** Largest global norm of the gradient, as `torch.nn.utils.clip_grad_norm_`. */
  readonly clipNorm?: number;
  /**
   * Largest magnitude of an element of the mean gradient, as `torch.nn.utils.clip_grad_value_`; behind `clipNorm` where both are given. The
   * `gradientNorm` of events is the one before clipping.
   */
  readonly clipValue?: number;
  readonly penalties?: readonly Penalty[];
}

/** Updates that take turns within a step, each with its own loss, parameters and optimizer: generator and discriminator of a GAN. */
export interface PhaseOptions<M extends Module = Module, D extends DataSplits = DataSplits>
  extends UpdateOptions<M, D> {
  readonly name: string;
  /** Which parameters it changes; no two phases may share one. */
  readonly params: ParameterRule;
  /** Takes part in every so many steps; default 1. */
  readonly every?: number;
}

/** A moving average of the weights: `average = decay * average + (1 - decay) * weights` after each step. */
export interface EmaOptions {
  /** Between 0 and 1, e.g. 0.999. */
  readonly decay: number;
}

/** Ends the run when the test split's value stops getting better. The best checkpoint is kept (`keep.best`). */
export interface EarlyStoppingOptions {
  /** Evaluations without a better value before the run ends. */
  readonly patience: number;
  /** A value is better if it gains more than this; default 0. */
  readonly minDelta?: number;
  /** Name of the metric; default `loss`. */
  readonly monitor?: string;
  /** Whether the metric is to be small or large; default: small. */
  readonly mode?: 'min' | 'max';
}

/** A tensor's values over the whole test split, in sample order: shape `[samples, ...]`. */
export interface Gathered {
  readonly data: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/** What a user writes. */
export interface JobOptions<
  M extends Module = Module,
  D extends DataSplits = DataSplits,
  G extends Readonly<Record<string, Tensor>> = Readonly<Record<string, Tensor>>,
> extends Partial<UpdateOptions<M, D>> {
  readonly name: string;
  /** Default 0. */
  readonly seed?: number;
  readonly model: (context: { readonly data: D }) => M;
  readonly data: (options: DataOptions) => D | Promise<D>;
  /**
   * `shards` defaults to min(16, size), and to floor(size / 16) for a model that normalises over its shard (BatchNorm): a part of the
   * run's identity, like the seed.
   */
  readonly batch: { readonly size: number; readonly shards?: number };
  /** Length of the run: one of the two. */
  readonly steps?: number;
  readonly epochs?: number;
  /** Instead of `step` and `optimizer`: several updates that take turns on the same batch, in this order. */
  readonly phases?: readonly PhaseOptions<M, D>[];
  /** Evaluate and predict with a moving average of the weights. Default: with the weights themselves. */
  readonly ema?: EmaOptions;
  readonly earlyStopping?: EarlyStoppingOptions;
  /** Steps between `layers` events: the norm of each parameter's gradient, mean and deviation of each layer's output. Default: none. */
  readonly watchEvery?: number;
  readonly scalars?: Readonly<Record<string, (step: number) => number>>;
  /** What is measured on the test split; default: `step`, or the first phase's. */
  readonly evaluate?: (context: StepContext<M, D>) => StepResult;
  /** Tensors that `hostMetrics` want from each test sample, the batch first: predictions and labels, say. */
  readonly gather?: (context: StepContext<M, D>) => G;
  /**
   * Metrics of an evaluation that are no mean over samples (F1, IoU, perplexity): functions of what `gather` gave over the whole test split, in
   * sample order, and of the means of the other metrics. They run in the thread of the job's closures.
   */
  readonly hostMetrics?: Readonly<
    Record<
      string,
      (gathered: { readonly [Name in keyof G]: Gathered }, means: Readonly<Record<string, number>>) => number
    >
  >;
  /** Outputs of `predict` by name; default: `{ output: model.forward(first field) }`. */
  readonly predict?: (context: StepContext<M, D>) => Readonly<Record<string, Tensor>>;
  /** At a NaN or infinite gradient: stop with an error (default), or leave the step out. */
  readonly nonFinite?: 'stop' | 'skip';
  /** Steps between evaluations; default: at each epoch's end. */
  readonly evalEvery?: number;
  /** Steps between checkpoints; default: every 30 seconds and at each epoch's end. */
  readonly checkpointEvery?: number;
  /** How many checkpoints stay; default: the last 3 and the best by test loss. */
  readonly keep?: { readonly last?: number; readonly best?: boolean };
}
