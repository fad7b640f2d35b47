import type { DataSource } from '../data/source.ts';
import { UsageError } from '../errors.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Weighted } from '../loss/weighted.ts';
import type { Module } from '../nn/module.ts';
import type { Optimizer } from '../optim/optimizers.ts';
import { version } from '../version.ts';

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

/** What a user writes. */
export interface JobOptions<M extends Module = Module, D extends DataSplits = DataSplits> {
  readonly name: string;
  /** Default 0. */
  readonly seed?: number;
  readonly model: (context: { readonly data: D }) => M;
  readonly data: (options: DataOptions) => D | Promise<D>;
  /** `shards` defaults to min(16, size): a part of the run's identity, like the seed. */
  readonly batch: { readonly size: number; readonly shards?: number };
  /** Length of the run: one of the two. */
  readonly steps?: number;
  readonly epochs?: number;
  readonly optimizer: Optimizer;
  /** Largest global norm of the gradient, as `torch.nn.utils.clip_grad_norm_`. */
  readonly clipNorm?: number;
  readonly scalars?: Readonly<Record<string, (step: number) => number>>;
  readonly step: (context: StepContext<M, D>) => StepResult;
  /** What is measured on the test split; default: `step`. */
  readonly evaluate?: (context: StepContext<M, D>) => StepResult;
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

const brand = Symbol.for('lockstep.job');

export interface JobDefinition<M extends Module = Module, D extends DataSplits = DataSplits> extends JobOptions<M, D> {
  readonly [brand]: true;
  /** Of the @lockstep/core that defined it. */
  readonly version: string;
}

/** A job of whatever model and data. */
// biome-ignore lint/suspicious/noExplicitAny: its functions take exactly its own model and data
export type AnyJob = JobDefinition<any, any>;

/** Checks the options and marks them as a job: `export default defineJob({ ... })`. */
export function defineJob<M extends Module, D extends DataSplits>(options: JobOptions<M, D>): JobDefinition<M, D> {
  checkJob(options as unknown as JobOptions);
  return { ...options, [brand]: true, version };
}

export const isJob = (value: unknown): value is AnyJob =>
  typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;

function checkJob(job: JobOptions): void {
  const fail = (message: string): never => {
    throw new UsageError(`defineJob${typeof job?.name === 'string' ? ` "${job.name}"` : ''}: ${message}`);
  };
  if (typeof job !== 'object' || job === null) fail('give one object of options.');
  if (typeof job.name !== 'string' || !/^[\w.-]{1,100}$/.test(job.name)) {
    fail('name must be a string of letters, digits, ".", "_" and "-", as it names folders.');
  }
  for (const key of ['model', 'data', 'step'] as const) {
    if (typeof job[key] !== 'function') fail(`${key} must be a function.`);
  }
  if (typeof job.optimizer?.resolve !== 'function')
    fail('optimizer must come from optim, e.g. optim.adamW({ lr: 1e-3 }).');
  wholeNumber(job.batch?.size, 1, 'batch.size', fail);
  if (job.batch.shards !== undefined) wholeNumber(job.batch.shards, 1, 'batch.shards', fail);
  if ((job.batch.shards ?? 1) > job.batch.size) {
    fail(
      `batch.shards ${job.batch.shards} is more than the ${job.batch.size} samples of a batch; a shard needs at least one.`,
    );
  }
  if ((job.steps === undefined) === (job.epochs === undefined))
    fail('give the length of the run as either steps or epochs.');
  for (const key of ['steps', 'epochs'] as const) if (job[key] !== undefined) wholeNumber(job[key], 1, key, fail);
  for (const key of ['seed', 'evalEvery', 'checkpointEvery'] as const) {
    if (job[key] !== undefined) wholeNumber(job[key], 0, key, fail);
  }
  if (job.clipNorm !== undefined && !(job.clipNorm > 0)) fail(`clipNorm ${job.clipNorm} must be above 0.`);
  if (job.nonFinite !== undefined && job.nonFinite !== 'stop' && job.nonFinite !== 'skip') {
    fail('nonFinite must be "stop" or "skip".');
  }
}

function wholeNumber(value: unknown, from: number, option: string, fail: (message: string) => never): void {
  if (!Number.isSafeInteger(value) || (value as number) < from) {
    fail(`${option} must be a whole number of at least ${from}, not ${String(value)}.`);
  }
}
