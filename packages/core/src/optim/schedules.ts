import { UsageError } from '../errors.ts';
import * as math from '../math/index.ts';

/** A learning rate over time: a number, a shipped schedule, or a function of the step (from 0). Evaluated once per step, on one machine. */
export type Schedule = number | ScheduleSpec | ((step: number) => number);

/** `at(step, totalSteps)`: the value of update `step`, from 0, of a run of `totalSteps`. */
export interface ScheduleSpec {
  readonly name: string;
  at(step: number, totalSteps: number): number;
}

/** What can be a schedule at all; a number must not be negative. */
export function isSchedule(value: unknown): value is Schedule {
  if (typeof value === 'number') return value >= 0 && value < Infinity;
  if (typeof value === 'function') return true;
  // Not only `at`: texts and arrays have one too.
  return typeof value === 'object' && value !== null && 'name' in value && 'at' in value;
}

export const evaluateSchedule = (schedule: Schedule, step: number, totalSteps: number): number => {
  if (typeof schedule === 'number') return schedule;
  return typeof schedule === 'function' ? schedule(step) : schedule.at(step, totalSteps);
};

export const constant = (value: number): ScheduleSpec => ({ name: 'constant', at: () => value });

/** `initial` times `gamma` after every `every` steps, as `torch.optim.lr_scheduler.StepLR`. */
export function step(options: { initial: number; gamma: number; every: number }): ScheduleSpec {
  requirePositive('step', 'every', options.every);
  return { name: 'step', at: (t) => options.initial * math.pow(options.gamma, Math.floor(t / options.every)) };
}

/** `initial` times `gamma` to the step, as `ExponentialLR`. */
export const exponential = (options: { initial: number; gamma: number }): ScheduleSpec => ({
  name: 'exponential',
  at: (t) => options.initial * math.pow(options.gamma, t),
});

export interface DecayOptions {
  readonly peak: number;
  /** Value at the end; default 0. */
  readonly floor?: number;
  /** Steps of rising to the peak: peak * (step + 1) / (warmupSteps + 1), as in nanoGPT. */
  readonly warmupSteps?: number;
  /** Step at which the floor is reached; default: the length of the run. */
  readonly steps?: number;
}

/** Half a cosine from peak to floor (Loshchilov and Hutter 2017). */
export const cosine = (options: DecayOptions): ScheduleSpec =>
  decay('cosine', options, (progress) => 0.5 * (1 + math.cos(Math.PI * progress)));

/** A straight line from peak to floor. */
export const linear = (options: DecayOptions): ScheduleSpec => decay('linear', options, (progress) => 1 - progress);

function decay(name: string, options: DecayOptions, remaining: (progress: number) => number): ScheduleSpec {
  const { peak, floor = 0, warmupSteps = 0, steps } = options;
  if (!(warmupSteps >= 0)) throw new UsageError(`optim.${name}: warmupSteps must be at least 0, not ${warmupSteps}.`);
  if (steps !== undefined) requirePositive(name, 'steps', steps);
  return {
    name,
    at(t, totalSteps) {
      if (t < warmupSteps) return (peak * (t + 1)) / (warmupSteps + 1);
      const end = steps ?? totalSteps;
      const progress = end > warmupSteps ? Math.min(1, (t - warmupSteps) / (end - warmupSteps)) : 1;
      return floor + (peak - floor) * remaining(progress);
    },
  };
}

/** Rises linearly into another schedule, which then starts at its own step 0. */
export const warmup = (inner: Schedule, steps: number): ScheduleSpec => ({
  name: 'warmup',
  at: (t, total) =>
    t < steps
      ? (evaluateSchedule(inner, 0, total - steps) * (t + 1)) / (steps + 1)
      : evaluateSchedule(inner, t - steps, total - steps),
});

/** One schedule for the first `steps` steps, then another from its own step 0, as `SequentialLR`. */
export const sequence = (first: Schedule, steps: number, then: Schedule): ScheduleSpec => ({
  name: 'sequence',
  at: (t, total) => (t < steps ? evaluateSchedule(first, t, steps) : evaluateSchedule(then, t - steps, total - steps)),
});

/**
 * Up and down by half cosines as `OneCycleLR` (Smith and Topin 2018): from peak / 25 to peak in the first `rise` of the run, then
 * to peak / 250,000.
 */
export const oneCycle = (options: { peak: number; rise?: number }): ScheduleSpec => ({
  name: 'oneCycle',
  at(t, total) {
    const { peak, rise = 0.3 } = options;
    const turn = Math.max(1, rise * total - 1);
    const between = (from: number, to: number, p: number) => to + (from - to) * 0.5 * (1 + math.cos(Math.PI * p));
    if (t <= turn) return between(peak / 25, peak, t / turn);
    return between(peak, peak / 25e4, Math.min(1, (t - turn) / Math.max(1, total - 1 - turn)));
  },
});

function requirePositive(schedule: string, option: string, value: number): void {
  if (!(value > 0)) throw new UsageError(`optim.${schedule}: ${option} must be above 0, not ${value}.`);
}
