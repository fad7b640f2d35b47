import { expect, test } from 'vitest';
import { floats } from '../../../../test/support/kernel-cases.ts';
import { type PlateauOptions, reduceOnPlateau } from './reduce-on-plateau.ts';
import { evaluateSchedule, followsEvaluations } from './schedule.ts';
import { constant, sequence, warmup } from './schedules.ts';

/** torch.optim.lr_scheduler.ReduceLROnPlateau (mode min), written down from its source: state that each evaluation changes. */
function asInPyTorch(losses: readonly number[], options: PlateauOptions): number[] {
  const { factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel', cooldown = 0, minLr = 0 } = options;
  const state = { lr: options.lr, best: Infinity, numBadEpochs: 0, cooldownCounter: 0 };
  return losses.map((current) => {
    const bound = thresholdMode === 'rel' ? state.best * (1 - threshold) : state.best - threshold;
    if (current < bound) {
      state.best = current;
      state.numBadEpochs = 0;
    } else {
      state.numBadEpochs += 1;
    }
    if (state.cooldownCounter > 0) {
      state.cooldownCounter -= 1;
      state.numBadEpochs = 0;
    }
    if (state.numBadEpochs > patience) {
      const newLr = Math.max(state.lr * factor, minLr);
      if (state.lr - newLr > (options.eps ?? 1e-8)) state.lr = newLr;
      state.cooldownCounter = cooldown;
      state.numBadEpochs = 0;
    }
    return state.lr;
  });
}

/** Falling, with noise. */
const losses = Array.from(floats(60, 7, 0.15), (noise, i) => 3 / (1 + i / 10) + noise);

test.each<PlateauOptions>([
  { lr: 0.1 },
  { lr: 0.1, patience: 0 },
  { lr: 0.5, patience: 1, factor: 0.5, cooldown: 3 },
  { lr: 0.5, patience: 2, factor: 0.5, threshold: 0.2, thresholdMode: 'abs' },
  { lr: 0.5, patience: 1, factor: 0.3, minLr: 0.02, threshold: 0.01 },
  { lr: 0.5, patience: 0, factor: 0.5, eps: 0.1 },
])('as ReduceLROnPlateau: %o', (options) => {
  const schedule = reduceOnPlateau(options);
  const rates = losses.map((_, i) => schedule.at(i, 1000, losses.slice(0, i + 1)));
  expect(rates).toEqual(asInPyTorch(losses, options));
  expect(schedule.at(0, 1000)).toBe(options.lr);
});

test('the reductions of the cases above happen', () => {
  const rates = asInPyTorch(losses, { lr: 0.5, patience: 1, factor: 0.5, cooldown: 3 });
  expect(new Set(rates).size).toBeGreaterThan(3);
});

test('a loss that is not a number is never better', () => {
  const schedule = reduceOnPlateau({ lr: 1, factor: 0.5, patience: 1 });
  expect(schedule.at(0, 1, [2, Number.NaN, Number.NaN])).toBe(0.5);
});

test('within other schedules', () => {
  const plateau = reduceOnPlateau({ lr: 1, factor: 0.5, patience: 0 });
  expect(evaluateSchedule(warmup(plateau, 3), 0, 100, [1, 1])).toBe(0.125);
  expect(evaluateSchedule(sequence(2, 3, plateau), 3, 100, [1, 1, 1])).toBe(0.25);
  expect(
    [plateau, warmup(plateau, 3), sequence(2, 3, plateau), sequence(plateau, 3, 2)].every(followsEvaluations),
  ).toBe(true);
  expect([1, constant(1), warmup(1, 3), () => 1].some(followsEvaluations)).toBe(false);
});

test.each<[Partial<PlateauOptions>, string]>([
  [{ lr: 0 }, 'optim.reduceOnPlateau: lr must be a number above 0, not 0.'],
  [{ factor: 1 }, 'optim.reduceOnPlateau: factor must be above 0 and below 1, not 1.'],
  [{ patience: -1 }, 'optim.reduceOnPlateau: patience must be a whole number of at least 0, not -1.'],
  [{ threshold: Number.NaN }, 'optim.reduceOnPlateau: threshold must be a number of at least 0, not NaN.'],
  [{ cooldown: 0.5 }, 'optim.reduceOnPlateau: cooldown must be a whole number of at least 0, not 0.5.'],
  [{ minLr: 2 }, 'optim.reduceOnPlateau: minLr must be a number of at least 0 and of at most 1, not 2.'],
  [{ thresholdMode: 'relative' as never }, 'thresholdMode must be "rel" or "abs", not relative.'],
])('refused where it is written: %o', (options, message) => {
  expect(() => reduceOnPlateau({ lr: 1, ...options })).toThrow(message);
});
