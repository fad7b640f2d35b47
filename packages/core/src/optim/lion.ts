import {
  fraction,
  notNegative,
  type Optimizer,
  optimizerFrom,
  type Rated,
  type UpdateRule,
  type WithGroups,
} from './optimizers.ts';

export interface LionOptions extends Rated {
  /** Share of the mean in the direction of a step, and decay of the mean. */
  readonly betas: readonly [number, number];
  /** Decoupled, as in AdamW. */
  readonly weightDecay: number;
}

const rule: UpdateRule<LionOptions> = {
  name: 'lion',
  kernel: 'lion',
  defaults: { lr: 1e-4, betas: [0.9, 0.99], weightDecay: 0 },
  ranges: { betas: fraction, weightDecay: notNegative },
  vectors: { exp_avg: () => true },
  numbers: ({ betas: [beta1, beta2], weightDecay }) => [beta1, 1 - beta1, beta2, 1 - beta2, weightDecay],
};

/** Lion (Chen et al. 2023): every weight moves by the learning rate, in the direction of a mean of gradients. */
export const lion = (options: WithGroups<LionOptions> = {}): Optimizer => optimizerFrom(rule, options);
