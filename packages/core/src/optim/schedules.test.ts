import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as math from '../math/index.ts';
import { evaluateSchedule, type Schedule } from './schedule.ts';
import {
  constant,
  cosine,
  cosineRestarts,
  exponential,
  linear,
  multiStep,
  oneCycle,
  polynomial,
  sequence,
  step,
  warmup,
} from './schedules.ts';

const reference = JSON.parse(
  readFileSync(new URL('../../../../test/vectors/torch/lr_schedules.json', import.meta.url), 'utf8'),
).schedules;
const values = (schedule: Schedule, steps = 20) =>
  Array.from({ length: steps }, (_, t) => evaluateSchedule(schedule, t, steps));
/** t + 1 of `steps` parts of the rate, as in Hugging Face's and PyTorch's examples. */
const rise = (lr: number, steps: number) => linear({ peak: lr / steps, floor: lr + lr / steps, steps });

// PyTorch's own values; the largest difference is rounding, as it multiplies step by step where these are closed forms.
test.each<[string, Schedule]>([
  ['cosine', cosine({ peak: 0.1, floor: 0.001 })],
  ['linear_warmup', linear({ peak: 0.01, floor: 0.1, steps: 5 })],
  ['linear_warmup_linear_decay', sequence(rise(0.1, 5), 5, linear({ peak: 0.1 }))],
  ['linear_warmup_cosine', sequence(rise(0.1, 5), 5, cosine({ peak: 0.1 }))],
  ['nanogpt_warmup_cosine', cosine({ peak: 1e-3, floor: 1e-4, warmupSteps: 5 })],
  ['step', step({ initial: 0.1, gamma: 0.5, every: 5 })],
  ['exponential', exponential({ initial: 0.1, gamma: 0.9 })],
])('%s as PyTorch', (name, schedule) => {
  const expected: number[] = reference[name].values;
  for (const [t, value] of values(schedule).entries()) {
    expect(Math.abs(value / (expected[t] as number) - 1), `step ${t}`).toBeLessThan(1e-13);
  }
});

test('every schedule of the reference is covered', () => {
  expect(Object.keys(reference)).toHaveLength(7);
});

/** Every value within rounding of the wanted one. */
function expectValues(schedule: Schedule, steps: number, wanted: (t: number) => number): void {
  for (const [t, value] of values(schedule, steps).entries()) {
    expect(Math.abs(value - wanted(t)), `step ${t}: ${value}, not ${wanted(t)}`).toBeLessThan(1e-12);
  }
}

// The formulas as torch.optim.lr_scheduler has them, with the platform's own functions.
test('multiStep as MultiStepLR, milestones in any order', () => {
  const wanted = (t: number) => (t < 3 ? 0.5 : t < 7 ? 0.05 : 0.005);
  expectValues(multiStep({ initial: 0.5, milestones: [7, 3] }), 12, wanted);
});

test('polynomial as PolynomialLR(total_iters=10, power=2), and 0 after it', () => {
  expectValues(polynomial({ peak: 0.3, power: 2, steps: 10 }), 15, (t) => 0.3 * (1 - Math.min(t, 10) / 10) ** 2);
  expectValues(polynomial({ peak: 0.3, steps: 10 }), 10, (t) => 0.3 * (1 - t / 10));
});

test('cosineRestarts as CosineAnnealingWarmRestarts(T_0=4, T_mult=2)', () => {
  const starts = [0, 4, 12, 28];
  expectValues(cosineRestarts({ peak: 0.1, floor: 0.01, period: 4, factor: 2 }), 40, (t) => {
    const cycle = starts.findLastIndex((start) => start <= t);
    const part = (t - (starts[cycle] as number)) / (4 * 2 ** cycle);
    return 0.01 + (0.09 * (1 + Math.cos(Math.PI * part))) / 2;
  });
  expectValues(
    cosineRestarts({ peak: 0.1, period: 5 }),
    17,
    (t) => (0.1 * (1 + Math.cos((Math.PI * (t % 5)) / 5))) / 2,
  );
});

test.each(['cos', 'linear'] as const)('oneCycle as OneCycleLR(anneal_strategy=%s)', (annealStrategy) => {
  const [peak, total, pctStart, divFactor, finalDivFactor] = [0.4, 30, 0.3, 10, 100];
  const anneal = (from: number, to: number, part: number) =>
    annealStrategy === 'cos' ? to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part)) : from + (to - from) * part;
  const turn = pctStart * total - 1;
  expectValues(oneCycle({ peak, pctStart, divFactor, finalDivFactor, annealStrategy }), total, (t) =>
    t <= turn
      ? anneal(peak / divFactor, peak, t / turn)
      : anneal(peak, peak / divFactor / finalDivFactor, (t - turn) / (total - 1 - turn)),
  );
});

test('oneCycle: the defaults, its ends, and the way between', () => {
  const cycle = values(oneCycle({ peak: 1, pctStart: 4 / 11 }), 11);
  expect(cycle[0]).toBeCloseTo(1 / 25, 12);
  expect(cycle[3]).toBeCloseTo(1, 12);
  expect(cycle[10]).toBeCloseTo(4e-6, 12);
  expect(Math.max(...cycle)).toBe(cycle[3]);
  for (const pctStart of [0, 0.01, 1]) {
    for (const value of values(oneCycle({ peak: 1, pctStart }), 11)) expect(value).toBeGreaterThan(0);
  }
});

test('steps default to the length of the run, and the floor holds after them', () => {
  expect(evaluateSchedule(linear({ peak: 1 }), 50, 100)).toBe(0.5);
  expect(evaluateSchedule(linear({ peak: 1, floor: 0.1, steps: 10 }), 50, 100)).toBe(0.1);
  expect(evaluateSchedule(cosine({ peak: 1, floor: 0.1, steps: 10 }), 10, 100)).toBe(0.1);
});

test('numbers, functions, constants and warm-up', () => {
  expect(evaluateSchedule(0.5, 3, 10)).toBe(0.5);
  expect(evaluateSchedule((t) => t * 2, 3, 10)).toBe(6);
  expect(evaluateSchedule(constant(0.25), 9, 10)).toBe(0.25);
  expect(values(warmup(1, 3), 5)).toEqual([0.25, 0.5, 0.75, 1, 1]);
});

test('powers and cosines are those of the core, equal on every platform', () => {
  expect(values(exponential({ initial: 1, gamma: 0.9 }), 20)[17]).toBe(math.pow(0.9, 17));
  expect(values(cosine({ peak: 1 }), 20)[7]).toBe(0.5 * (1 + math.cos(Math.PI * (7 / 20))));
});

test.each<[() => unknown, string]>([
  [() => constant(-1), 'optim.constant: value must be a number of at least 0, not -1.'],
  [() => step({ initial: 1, gamma: 0.5, every: 0 }), 'optim.step: every must be a whole number of at least 1, not 0.'],
  [() => step({ initial: 1, gamma: 0, every: 2 }), 'optim.step: gamma must be a number above 0, not 0.'],
  [() => multiStep({ initial: 1, milestones: [2, 2.5] }), 'optim.multiStep: each of the milestones must be a whole'],
  [() => multiStep({ initial: 1, milestones: 3 as never }), 'optim.multiStep: milestones must be an array of steps.'],
  [() => exponential({ initial: Number.NaN, gamma: 1 }), 'optim.exponential: initial must be a number of at least 0'],
  [() => cosine({ peak: 1, warmupSteps: -1 }), 'optim.cosine: warmupSteps must be a number of at least 0, not -1.'],
  [() => cosine({ peak: '1' as never }), 'optim.cosine: peak must be a number of at least 0, not 1.'],
  [() => linear({ peak: 1, steps: Number.NaN }), 'optim.linear: steps must be a number above 0, not NaN.'],
  [() => polynomial({ peak: 1, power: 0 }), 'optim.polynomial: power must be a number above 0, not 0.'],
  [() => cosineRestarts({ peak: 1, period: 0 }), 'optim.cosineRestarts: period must be a whole number of at least 1'],
  [
    () => cosineRestarts({ peak: 1, period: 5, factor: 1.5 }),
    'optim.cosineRestarts: factor must be a whole number of at least 1, not 1.5.',
  ],
  [
    () => oneCycle({ peak: 1, pctStart: 1.5 }),
    'optim.oneCycle: pctStart must be a number of at least 0 and of at most 1, not 1.5.',
  ],
  [() => oneCycle({ peak: 1, annealStrategy: 'sine' as never }), 'annealStrategy must be "cos" or "linear", not sine.'],
  [() => warmup(1, 2.5), 'optim.warmup: steps must be a whole number of at least 0, not 2.5.'],
  [() => warmup('1' as never, 2), 'optim.warmup: the schedule must be a number of at least 0, a schedule'],
  [() => sequence(1, 5, undefined as never), 'optim.sequence: the second schedule must be a number of at least 0'],
])('impossible options are refused where they are written (%#)', (make, message) => {
  expect(make).toThrow(message);
});
