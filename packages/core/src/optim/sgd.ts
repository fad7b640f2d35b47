import {
  fraction,
  notNegative,
  type Optimizer,
  optimizerFrom,
  type Rated,
  type UpdateRule,
  type WithGroups,
} from './optimizers.ts';

export interface SgdOptions extends Rated {
  /** Part of the last change that is kept. */
  readonly momentum: number;
  /** Part of the gradient that momentum leaves out, but for the first step. */
  readonly dampening: number;
  /** Part of the weights that is added to the gradient. */
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

const rule: UpdateRule<SgdOptions> = {
  name: 'sgd',
  kernel: 'sgd',
  defaults: { lr: 1e-3, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false },
  ranges: { momentum: fraction, dampening: notNegative, weightDecay: notNegative },
  conflict: ({ nesterov, momentum, dampening }) =>
    nesterov && (momentum <= 0 || dampening !== 0) ? 'nesterov needs a momentum above 0 and no dampening.' : undefined,
  vectors: { momentum_buffer: ({ momentum }) => momentum !== 0 },
  numbers: ({ momentum, dampening, weightDecay, nesterov }) => [momentum, dampening, weightDecay, nesterov ? 1 : 0],
};

/**
 * Stochastic gradient descent as `torch.optim.SGD`, with momentum (Polyak 1964) or Nesterov's (Sutskever et al. 2013). With a batch of
 * all samples it is plain gradient descent.
 */
export const sgd = (options: WithGroups<SgdOptions> = {}): Optimizer => optimizerFrom(rule, options);
