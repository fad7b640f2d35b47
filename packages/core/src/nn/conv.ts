import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { fanInUniform, type Initializer } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface ConvLayerOptions extends ops.ConvOptions {
  /** Default true. */
  readonly bias?: boolean;
  readonly init?: Initializer;
}

export interface ConvTransposeLayerOptions extends ops.ConvTransposeOptions {
  /** Default true. */
  readonly bias?: boolean;
  readonly init?: Initializer;
}

const several = (value: ops.PerDimension, rank: number): readonly number[] =>
  typeof value === 'number' ? Array<number>(rank).fill(value) : value;

/** Throws where `groups` does not divide both; the sizes themselves are checked by the op. */
function perGroup(layer: string, inChannels: number, outChannels: number, groups = 1): void {
  for (const [what, channels] of [
    ['input', inChannels],
    ['output', outChannels],
  ] as const) {
    if (!Number.isInteger(channels) || channels < 1)
      throw new RangeError(`${layer}: ${what} channels must be a whole number of at least 1, not ${channels}.`);
    if (channels % groups !== 0)
      throw new RangeError(`${layer}: ${channels} ${what} channels are not divisible by ${groups} groups.`);
  }
}

abstract class Convolution extends Module {
  weight: Parameter;
  bias: Parameter | undefined;

  constructor(weight: readonly number[], filters: number, options: { bias?: boolean; init?: Initializer }) {
    super();
    // Kaiming-uniform with a = sqrt(5), PyTorch's default, is uniform within 1 / sqrt(fanIn)
    const fanIn = weight.slice(1).reduce((n, d) => n * d, 1);
    this.weight = new Parameter(weight, options.init ?? fanInUniform(fanIn));
    this.bias = options.bias === false ? undefined : new Parameter([filters], fanInUniform(fanIn));
  }
}

/** Convolution over `[batch, inChannels, length]`. Weight `[outChannels, inChannels / groups, kernel]`; starts as in PyTorch. */
export class Conv1d extends Convolution {
  readonly #options: ops.ConvOptions;

  /** @throws RangeError where `groups` does not divide the channels */
  constructor(inChannels: number, outChannels: number, kernel: ops.PerDimension, options: ConvLayerOptions = {}) {
    const { groups = 1 } = options;
    perGroup('Conv1d', inChannels, outChannels, groups);
    super([outChannels, inChannels / groups, ...several(kernel, 1)], outChannels, options);
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return ops.conv1d(x, this.weight, this.bias, this.#options);
  }
}

/** Convolution over `[batch, inChannels, height, width]`. Weight `[outChannels, inChannels / groups, ...kernel]`; starts as in PyTorch. */
export class Conv2d extends Convolution {
  readonly #options: ops.ConvOptions;

  /** @throws RangeError where `groups` does not divide the channels */
  constructor(inChannels: number, outChannels: number, kernel: ops.PerDimension, options: ConvLayerOptions = {}) {
    const { groups = 1 } = options;
    perGroup('Conv2d', inChannels, outChannels, groups);
    super([outChannels, inChannels / groups, ...several(kernel, 2)], outChannels, options);
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return ops.conv2d(x, this.weight, this.bias, this.#options);
  }
}

/** Transposed convolution over `[batch, inChannels, height, width]`. Weight `[inChannels, outChannels / groups, ...kernel]`. */
export class ConvTranspose2d extends Convolution {
  readonly #options: ops.ConvTransposeOptions;

  /** @throws RangeError where `groups` does not divide the channels */
  constructor(
    inChannels: number,
    outChannels: number,
    kernel: ops.PerDimension,
    options: ConvTransposeLayerOptions = {},
  ) {
    const { groups = 1 } = options;
    perGroup('ConvTranspose2d', inChannels, outChannels, groups);
    super([inChannels, outChannels / groups, ...several(kernel, 2)], outChannels, options);
    this.#options = options;
  }

  forward(x: Tensor): Tensor {
    return ops.convTranspose2d(x, this.weight, this.bias, this.#options);
  }
}
