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

export interface RmspropOptions extends Rated {
  /** Decay of the mean square. */
  readonly alpha: number;
  readonly eps: number;
  /** Part of the weights that is added to the gradient. */
  readonly weightDecay: number;
  readonly momentum: number;
  /** Divide by the standard deviation instead of the root of the mean square. */
  readonly centered: boolean;
}

const rule: UpdateRule<RmspropOptions> = {
  name: 'rmsprop',
  kernel: 'rmsprop',
  defaults: { lr: 1e-2, alpha: 0.99, eps: 1e-8, weightDecay: 0, momentum: 0, centered: false },
  ranges: { alpha: fraction, eps: positive, weightDecay: notNegative, momentum: fraction },
  vectors: {
    square_avg: () => true,
    momentum_buffer: ({ momentum }) => momentum > 0,
    grad_avg: ({ centered }) => centered,
  },
  numbers: ({ alpha, eps, weightDecay, momentum }) => [alpha, 1 - alpha, eps, weightDecay, momentum],
};

/** RMSprop as `torch.optim.RMSprop` (Hinton's lecture 6e, 2012; centered: Graves 2013). */
export const rmsprop = (options: WithGroups<RmspropOptions> = {}): Optimizer => optimizerFrom(rule, options);
