import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { ones, zeros } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface GroupNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Whether there are weight and bias for each channel. Default true; InstanceNorm2d: false, as in PyTorch. */
  readonly affine?: boolean;
}

/** Normalises `[batch, channels, ...]` over groups of channels, sample by sample (Wu and He 2018): no statistics of the batch. */
export class GroupNorm extends Module {
  weight: Parameter | undefined;
  bias: Parameter | undefined;
  readonly #groups: number;
  readonly #eps: number;

  /** @throws RangeError where `groups` does not divide `channels` */
  constructor(groups: number, channels: number, options: GroupNormOptions = {}) {
    super();
    if (!(channels % groups === 0))
      throw new RangeError(`GroupNorm: ${channels} channels are not divisible by ${groups} groups.`);
    const { eps = 1e-5, affine = true } = options;
    this.#groups = groups;
    this.#eps = eps;
    this.weight = affine ? new Parameter([channels], ones) : undefined;
    this.bias = affine ? new Parameter([channels], zeros) : undefined;
  }

  forward(x: Tensor): Tensor {
    return ops.groupNorm(x, this.#groups, this.weight, this.bias, this.#eps);
  }
}

/** Normalises every plane of `[batch, channels, height, width]` by itself (Ulyanov et al. 2016). */
export class InstanceNorm2d extends GroupNorm {
  constructor(channels: number, options: GroupNormOptions = {}) {
    super(channels, channels, { affine: false, ...options });
  }
}
