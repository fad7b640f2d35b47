import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  constant,
  cosine,
  evaluateSchedule,
  exponential,
  linear,
  oneCycle,
  type Schedule,
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

test('oneCycle as OneCycleLR(max_lr=1, total_steps=11, pct_start=4/11): ends, peak and the way between', () => {
  const cycle = values(oneCycle({ peak: 1, rise: 4 / 11 }), 11);
  expect(cycle[0]).toBeCloseTo(1 / 25, 12);
  expect(cycle[3]).toBeCloseTo(1, 12);
  expect(cycle[10]).toBeCloseTo(4e-6, 12);
  expect(Math.max(...cycle)).toBe(cycle[3]);
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

test('impossible options are refused where they are written', () => {
  expect(() => step({ initial: 1, gamma: 0.5, every: 0 })).toThrow('optim.step: every must be above 0, not 0.');
  expect(() => cosine({ peak: 1, warmupSteps: -1 })).toThrow('optim.cosine: warmupSteps must be at least 0, not -1.');
  expect(() => linear({ peak: 1, steps: Number.NaN })).toThrow('optim.linear: steps must be above 0, not NaN.');
});
