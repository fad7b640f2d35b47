import { UsageError } from '../errors.ts';
import type { JobOptions, UpdateOptions } from './options.ts';

/** @throws UsageError naming the job and the option */
export function checkJob(job: JobOptions): void {
  const fail = (message: string): never => {
    throw new UsageError(`defineJob${typeof job?.name === 'string' ? ` "${job.name}"` : ''}: ${message}`);
  };
  if (typeof job !== 'object' || job === null) fail('give one object of options.');
  if (typeof job.name !== 'string' || !/^[\w.-]{1,100}$/.test(job.name)) {
    fail('name must be a string of letters, digits, ".", "_" and "-", as it names folders.');
  }
  for (const key of ['model', 'data'] as const) {
    if (typeof job[key] !== 'function') fail(`${key} must be a function.`);
  }
  if (job.phases === undefined) checkUpdate(job, '', fail);
  else checkPhases(job, fail);
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
  for (const key of ['seed', 'evalEvery', 'checkpointEvery', 'watchEvery'] as const) {
    if (job[key] !== undefined) wholeNumber(job[key], 0, key, fail);
  }
  if (job.ema !== undefined && !(job.ema.decay >= 0 && job.ema.decay < 1)) {
    fail(`ema.decay ${job.ema.decay} must be at least 0 and below 1.`);
  }
  if (job.earlyStopping !== undefined) {
    const { patience, minDelta = 0, mode = 'min' } = job.earlyStopping;
    wholeNumber(patience, 1, 'earlyStopping.patience', fail);
    if (!(minDelta >= 0)) fail(`earlyStopping.minDelta ${minDelta} must be at least 0.`);
    if (mode !== 'min' && mode !== 'max') fail('earlyStopping.mode must be "min" or "max".');
  }
  if (job.gather !== undefined && typeof job.gather !== 'function') fail('gather must be a function.');
  for (const [name, measure] of Object.entries(job.hostMetrics ?? {})) {
    if (typeof measure !== 'function') fail(`hostMetrics.${name} must be a function of what gather gave.`);
  }
  if (job.nonFinite !== undefined && job.nonFinite !== 'stop' && job.nonFinite !== 'skip') {
    fail('nonFinite must be "stop" or "skip".');
  }
}

function checkPhases(job: JobOptions, fail: Fail): void {
  const phases = job.phases ?? [];
  if (!Array.isArray(phases) || phases.length === 0) fail('phases must be an array of at least one phase.');
  for (const key of ['step', 'optimizer', 'clipNorm', 'clipValue', 'penalties'] as const) {
    if (job[key] !== undefined) fail(`${key} belongs into each of the phases, where there are phases.`);
  }
  phases.forEach((phase, i) => {
    if (typeof phase?.name !== 'string' || !/^[A-Za-z][\w-]{0,40}$/.test(phase.name)) {
      fail(`phases[${i}].name must be a word of letters, digits, "_" and "-".`);
    }
    if (phases.findIndex(({ name }) => name === phase.name) !== i) fail(`two phases have the name "${phase.name}".`);
    if (!(phase.params instanceof RegExp) && typeof phase.params !== 'function') {
      fail(`phases[${i}].params must be a regular expression over parameter names, or a function of { name, shape }.`);
    }
    if (phase.every !== undefined) wholeNumber(phase.every, 1, `phases[${i}].every`, fail);
    checkUpdate(phase, `phases[${i}].`, fail);
  });
  if (phases.every(({ every = 1 }) => every > 1)) fail('one of the phases must take part in every step (every: 1).');
}

function checkUpdate(update: Partial<UpdateOptions>, at: string, fail: Fail): void {
  if (typeof update.step !== 'function') fail(`${at}step must be a function.`);
  if (typeof update.optimizer?.resolve !== 'function')
    fail(`${at}optimizer must come from optim, e.g. optim.adamW({ lr: 1e-3 }).`);
  for (const key of ['clipNorm', 'clipValue'] as const) {
    if (update[key] !== undefined && !(update[key] > 0)) fail(`${at}${key} ${update[key]} must be above 0.`);
  }
  update.penalties?.forEach(({ l1 = 0, l2 = 0 }, i) => {
    for (const [name, value] of Object.entries({ l1, l2 })) {
      if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
        fail(`${at}penalties[${i}].${name} ${value} must be a number of at least 0.`);
      }
    }
    if (l1 === 0 && l2 === 0) fail(`${at}penalties[${i}] has neither l1 nor l2.`);
  });
}

type Fail = (message: string) => never;

function wholeNumber(value: unknown, from: number, option: string, fail: Fail): void {
  if (!Number.isSafeInteger(value) || (value as number) < from) {
    fail(`${option} must be a whole number of at least ${from}, not ${String(value)}.`);
  }
}
