import { UsageError } from '../errors.ts';
import { requireNumber, type ScheduleSpec } from './schedule.ts';

export interface PlateauOptions {
  /** The rate to begin with. */
  readonly lr: number;
  /** What the rate is multiplied with; default 0.1. */
  readonly factor?: number;
  /** Evaluations in a row without a better loss that are let pass; default 10. */
  readonly patience?: number;
  /** By how much a loss must be below the best one to be better; default 1e-4. */
  readonly threshold?: number;
  /** `rel`: below best * (1 - threshold), the default; `abs`: below best - threshold. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Evaluations after a reduction that are not counted; default 0. */
  readonly cooldown?: number;
  /** Smallest rate; default 0. */
  readonly minLr?: number;
  /** A reduction by no more than this is left out; default 1e-8. */
  readonly eps?: number;
}

/**
 * Multiplies the rate with `factor` when the loss on the test split has not got better for more than `patience` evaluations, as
 * `torch.optim.lr_scheduler.ReduceLROnPlateau` (mode min). The job needs test data; a run evaluates it at each epoch's end, or every
 * `evalEvery` steps. A function of the losses so far, so that a resumed run has the same rates.
 */
export function reduceOnPlateau(options: PlateauOptions): ScheduleSpec {
  const { lr, factor = 0.1, patience = 10, threshold = 1e-4, thresholdMode = 'rel' } = options;
  const { cooldown = 0, minLr = 0, eps = 1e-8 } = options;
  const require = requireNumber.bind(undefined, 'reduceOnPlateau');
  require('lr', lr, { above: 0 });
  require('patience', patience, { from: 0, whole: true });
  require('threshold', threshold, { from: 0 });
  require('cooldown', cooldown, { from: 0, whole: true });
  require('minLr', minLr, { from: 0, most: lr });
  require('eps', eps, { from: 0 });
  if (!(factor > 0 && factor < 1)) {
    throw new UsageError(`optim.reduceOnPlateau: factor must be above 0 and below 1, not ${String(factor)}.`);
  }
  if (thresholdMode !== 'rel' && thresholdMode !== 'abs') {
    throw new UsageError(`optim.reduceOnPlateau: thresholdMode must be "rel" or "abs", not ${String(thresholdMode)}.`);
  }
  const better = (loss: number, best: number) =>
    loss < (thresholdMode === 'rel' ? best * (1 - threshold) : best - threshold);
  return {
    name: 'reduceOnPlateau',
    followsEvaluations: true,
    at(_step, _totalSteps, losses = []) {
      let rate = lr;
      let best = Infinity;
      let bad = 0;
      let cooling = 0;
      for (const loss of losses) {
        if (better(loss, best)) {
          best = loss;
          bad = 0;
        } else bad++;
        if (cooling > 0) {
          cooling--;
          bad = 0;
        }
        if (bad <= patience) continue;
        const reduced = Math.max(rate * factor, minLr);
        if (rate - reduced > eps) rate = reduced;
        cooling = cooldown;
        bad = 0;
      }
      return rate;
    },
  };
}
