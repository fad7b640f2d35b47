import {
  fraction,
  notNegative,
  type Optimizer,
  optimizerFrom,
  positive,
  type Rated,
  type UpdateRule,
  type WithGroups,
} from './optimizers.ts';

export interface AdadeltaOptions extends Rated {
  /** Decay of the mean squares of gradients and of changes. */
  readonly rho: number;
  readonly eps: number;
  /** Part of the weights that is added to the gradient. */
  readonly weightDecay: number;
}

const rule: UpdateRule<AdadeltaOptions> = {
  name: 'adadelta',
  kernel: 'adadelta',
  defaults: { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0 },
  ranges: { rho: fraction, eps: positive, weightDecay: notNegative },
  vectors: { square_avg: () => true, acc_delta: () => true },
  numbers: ({ rho, eps, weightDecay }) => [rho, 1 - rho, eps, weightDecay],
};

/** Adadelta as `torch.optim.Adadelta` (Zeiler 2012): steps as large as the recent changes. */
export const adadelta = (options: WithGroups<AdadeltaOptions> = {}): Optimizer => optimizerFrom(rule, options);
