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

export interface AdamOptions extends Rated {
  /** Decay of the mean of gradients, and of their squares. */
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
  /** Divide by the largest mean square so far (Reddi et al. 2018). */
  readonly amsgrad: boolean;
}

const rule = (name: string, decoupled: boolean, weightDecay: number): UpdateRule<AdamOptions> => ({
  name,
  kernel: 'adamw',
  defaults: { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay, amsgrad: false },
  ranges: { betas: fraction, eps: positive, weightDecay: notNegative },
  vectors: { exp_avg: () => true, exp_avg_sq: () => true, max_exp_avg_sq: ({ amsgrad }) => amsgrad },
  rates: ({ betas }) => betas,
  numbers: (options) => [...options.betas, options.eps, options.weightDecay, decoupled ? 1 : 0],
});
const [adamRule, adamWRule] = [rule('adam', false, 0), rule('adamW', true, 0.01)];

/** Adam as `torch.optim.Adam` (Kingma and Ba 2015); weight decay is added to the gradient. */
export const adam = (options: WithGroups<AdamOptions> = {}): Optimizer => optimizerFrom(adamRule, options);

/** Adam with decoupled weight decay as `torch.optim.AdamW` (Loshchilov and Hutter 2019). */
export const adamW = (options: WithGroups<AdamOptions> = {}): Optimizer => optimizerFrom(adamWRule, options);
