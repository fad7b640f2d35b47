import type { Tensor } from '../graph/tensor.ts';
import type { Module } from '../nn/module.ts';
import { version } from '../version.ts';
import { checkJob } from './check-job.ts';
import type { DataSplits, JobOptions } from './options.ts';

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
export function defineJob<
  M extends Module,
  D extends DataSplits,
  G extends Readonly<Record<string, Tensor>> = Readonly<Record<string, Tensor>>,
>(options: JobOptions<M, D, G>): JobDefinition<M, D> {
  checkJob(options as unknown as JobOptions);
  return { ...(options as unknown as JobOptions<M, D>), [brand]: true, version };
}

export const isJob = (value: unknown): value is AnyJob =>
  typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
