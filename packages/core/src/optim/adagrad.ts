import {
  notNegative,
  type Optimizer,
  optimizerFrom,
  positive,
  type Rated,
  type UpdateRule,
  type WithGroups,
} from './optimizers.ts';

export interface AdagradOptions extends Rated {
  /** The rate of update t, from 0, is lr / (1 + t * lrDecay). */
  readonly lrDecay: number;
  /** Part of the weights that is added to the gradient. */
  readonly weightDecay: number;
  /** What the sums of squares start from. */
  readonly initialAccumulatorValue: number;
  readonly eps: number;
}

const rule: UpdateRule<AdagradOptions> = {
  name: 'adagrad',
  kernel: 'adagrad',
  defaults: { lr: 1e-2, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10 },
  ranges: { lrDecay: notNegative, weightDecay: notNegative, initialAccumulatorValue: notNegative, eps: positive },
  vectors: { sum: () => true },
  numbers: (options) => [options.lrDecay, options.weightDecay, options.initialAccumulatorValue, options.eps],
};

/** AdaGrad as `torch.optim.Adagrad` (Duchi et al. 2011): the more a weight has moved, the less it moves. */
export const adagrad = (options: WithGroups<AdagradOptions> = {}): Optimizer => optimizerFrom(rule, options);
