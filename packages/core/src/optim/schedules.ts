import { UsageError } from '../errors.ts';
import * as math from '../math/index.ts';
import {
  evaluateSchedule,
  followsEvaluations,
  requireNumber,
  requireSchedule,
  type Schedule,
  type ScheduleSpec,
} from './schedule.ts';

const rate = { from: 0 };
const factor = { above: 0 };
const steps = { above: 0 };

export function constant(value: number): ScheduleSpec {
  requireNumber('constant', 'value', value, rate);
  return { name: 'constant', at: () => value };
}

/** `initial` times `gamma` (default 0.1) after every `every` steps, as `torch.optim.lr_scheduler.StepLR`. */
export function step(options: { initial: number; gamma?: number; every: number }): ScheduleSpec {
  const { initial, gamma = 0.1, every } = options;
  requireNumber('step', 'initial', initial, rate);
  requireNumber('step', 'gamma', gamma, factor);
  requireNumber('step', 'every', every, { from: 1, whole: true });
  return { name: 'step', at: (t) => initial * math.pow(gamma, Math.floor(t / every)) };
}

/** `initial` times `gamma` (default 0.1) at each of the milestones, which are steps, as `MultiStepLR`. */
export function multiStep(options: { initial: number; gamma?: number; milestones: readonly number[] }): ScheduleSpec {
  const { initial, gamma = 0.1, milestones } = options;
  requireNumber('multiStep', 'initial', initial, rate);
  requireNumber('multiStep', 'gamma', gamma, factor);
  if (!Array.isArray(milestones)) throw new UsageError('optim.multiStep: milestones must be an array of steps.');
  for (const milestone of milestones) {
    requireNumber('multiStep', 'each of the milestones', milestone, { from: 0, whole: true });
  }
  const passed = (t: number) => milestones.filter((milestone) => milestone <= t).length;
  return { name: 'multiStep', at: (t) => initial * math.pow(gamma, passed(t)) };
}

/** `initial` times `gamma` to the step, as `ExponentialLR`. */
export function exponential({ initial, gamma }: { initial: number; gamma: number }): ScheduleSpec {
  requireNumber('exponential', 'initial', initial, rate);
  requireNumber('exponential', 'gamma', gamma, factor);
  return { name: 'exponential', at: (t) => initial * math.pow(gamma, t) };
}

export interface DecayOptions {
  readonly peak: number;
  /** Value at the end; default 0. */
  readonly floor?: number;
  /** Steps of rising to the peak: peak * (step + 1) / (warmupSteps + 1), as in nanoGPT. */
  readonly warmupSteps?: number;
  /** Step at which the floor is reached; default: the length of the run. */
  readonly steps?: number;
}

const halfCosine = (progress: number) => 0.5 * (1 + math.cos(Math.PI * progress));

/** Half a cosine from peak to floor (Loshchilov and Hutter 2017), as `CosineAnnealingLR`. */
export const cosine = (options: DecayOptions): ScheduleSpec => decay('cosine', options, halfCosine);

/** A straight line from peak to floor. */
export const linear = (options: DecayOptions): ScheduleSpec => decay('linear', options, (progress) => 1 - progress);

/** From peak to floor as `PolynomialLR`: (1 - progress) to the `power`, default 1. */
export function polynomial({ power = 1, ...options }: DecayOptions & { readonly power?: number }): ScheduleSpec {
  requireNumber('polynomial', 'power', power, { above: 0 });
  return decay('polynomial', options, (progress) => (progress < 1 ? math.pow(1 - progress, power) : 0));
}

function decay(name: string, options: DecayOptions, remaining: (progress: number) => number): ScheduleSpec {
  const { peak, floor = 0, warmupSteps = 0 } = options;
  requireNumber(name, 'peak', peak, rate);
  requireNumber(name, 'floor', floor, rate);
  requireNumber(name, 'warmupSteps', warmupSteps, { from: 0 });
  if (options.steps !== undefined) requireNumber(name, 'steps', options.steps, steps);
  return {
    name,
    at(t, totalSteps) {
      if (t < warmupSteps) return (peak * (t + 1)) / (warmupSteps + 1);
      const end = options.steps ?? totalSteps;
      const progress = end > warmupSteps ? Math.min(1, (t - warmupSteps) / (end - warmupSteps)) : 1;
      return floor + (peak - floor) * remaining(progress);
    },
  };
}

/**
 * Half cosines one after another, each from peak to floor, as `CosineAnnealingWarmRestarts` (SGDR): the first takes `period` steps, each
 * further one `factor` times as many (a whole number, default 1).
 */
export function cosineRestarts(options: {
  peak: number;
  floor?: number;
  period: number;
  factor?: number;
}): ScheduleSpec {
  const { peak, floor = 0, period, factor: longer = 1 } = options;
  requireNumber('cosineRestarts', 'peak', peak, rate);
  requireNumber('cosineRestarts', 'floor', floor, rate);
  requireNumber('cosineRestarts', 'period', period, { from: 1, whole: true });
  requireNumber('cosineRestarts', 'factor', longer, { from: 1, whole: true });
  return {
    name: 'cosineRestarts',
    at(t) {
      let [start, length] = [longer === 1 ? t - (t % period) : 0, period];
      while (t >= start + length) {
        start += length;
        length *= longer;
      }
      return floor + (peak - floor) * halfCosine((t - start) / length);
    },
  };
}

export interface OneCycleOptions {
  readonly peak: number;
  /** Part of the run in which the rate rises; default 0.3. */
  readonly pctStart?: number;
  /** It starts at peak / divFactor; default 25. */
  readonly divFactor?: number;
  /** It ends at the start's rate / finalDivFactor; default 10,000. */
  readonly finalDivFactor?: number;
  /** Half cosines or straight lines; default `cos`. */
  readonly annealStrategy?: 'cos' | 'linear';
  /** Length of the cycle; default: of the run. */
  readonly steps?: number;
}

/** Up and down once, as `OneCycleLR` (Smith and Topin 2018). */
export function oneCycle(options: OneCycleOptions): ScheduleSpec {
  const { peak, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4, annealStrategy = 'cos' } = options;
  requireNumber('oneCycle', 'peak', peak, rate);
  requireNumber('oneCycle', 'pctStart', pctStart, { from: 0, most: 1 });
  requireNumber('oneCycle', 'divFactor', divFactor, factor);
  requireNumber('oneCycle', 'finalDivFactor', finalDivFactor, factor);
  if (options.steps !== undefined) requireNumber('oneCycle', 'steps', options.steps, steps);
  if (annealStrategy !== 'cos' && annealStrategy !== 'linear') {
    throw new UsageError(`optim.oneCycle: annealStrategy must be "cos" or "linear", not ${String(annealStrategy)}.`);
  }
  const remaining = annealStrategy === 'cos' ? halfCosine : (progress: number) => 1 - progress;
  const between = (from: number, to: number, progress: number) => to + (from - to) * remaining(progress);
  const start = peak / divFactor;
  return {
    name: 'oneCycle',
    at(t, totalSteps) {
      const total = options.steps ?? totalSteps;
      const turn = pctStart * total - 1;
      if (t <= turn) return turn > 0 ? between(start, peak, t / turn) : peak;
      return between(peak, start / finalDivFactor, Math.min(1, (t - turn) / (total - 1 - turn)));
    },
  };
}

/** Rises linearly into another schedule, which then starts at its own step 0. */
export function warmup(inner: Schedule, steps: number): ScheduleSpec {
  requireSchedule('warmup', 'the schedule', inner);
  requireNumber('warmup', 'steps', steps, { from: 0, whole: true });
  return {
    name: 'warmup',
    followsEvaluations: followsEvaluations(inner),
    at: (t, total, losses) =>
      t < steps
        ? (evaluateSchedule(inner, 0, total - steps, losses) * (t + 1)) / (steps + 1)
        : evaluateSchedule(inner, t - steps, total - steps, losses),
  };
}

/** One schedule for the first `steps` steps, then another from its own step 0, as `SequentialLR`. */
export function sequence(first: Schedule, steps: number, then: Schedule): ScheduleSpec {
  requireSchedule('sequence', 'the first schedule', first);
  requireNumber('sequence', 'steps', steps, { from: 0, whole: true });
  requireSchedule('sequence', 'the second schedule', then);
  return {
    name: 'sequence',
    followsEvaluations: followsEvaluations(first) || followsEvaluations(then),
    at: (t, total, losses) =>
      t < steps ? evaluateSchedule(first, t, steps, losses) : evaluateSchedule(then, t - steps, total - steps, losses),
  };
}
