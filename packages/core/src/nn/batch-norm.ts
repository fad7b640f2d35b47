import { UsageError } from '../errors.ts';
import type { Shape } from '../graph/dim.ts';
import { currentTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Buffer } from './buffer.ts';
import { ones, zeros } from './init.ts';
import { Module } from './module.ts';
import { Parameter } from './parameter.ts';

export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** How far the running statistics move in a step. Default 0.1. */
  readonly momentum?: number;
  /** Whether there are weight and bias. Default true. */
  readonly affine?: boolean;
  /** Whether an evaluation uses running statistics; otherwise those of its own shard. Default true. */
  readonly trackRunningStats?: boolean;
}

abstract class BatchNorm extends Module {
  override readonly mixesSamples = true;
  weight: Parameter | undefined;
  bias: Parameter | undefined;
  runningMean: Buffer | undefined;
  runningVar: Buffer | undefined;
  readonly #channels: number;
  readonly #eps: number;
  readonly #momentum: number;

  constructor(channels: number, options: BatchNormOptions = {}) {
    super();
    const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    if (!(eps >= 0)) throw new UsageError(`${new.target.name}: eps must be a number of at least 0, not ${eps}.`);
    if (!(momentum >= 0 && momentum <= 1))
      throw new UsageError(`${new.target.name}: momentum must be in [0, 1], not ${momentum}.`);
    this.#channels = channels;
    this.#eps = eps;
    this.#momentum = momentum;
    this.weight = affine ? new Parameter([channels], ones) : undefined;
    this.bias = affine ? new Parameter([channels], zeros) : undefined;
    this.runningMean = trackRunningStats ? new Buffer([channels], zeros) : undefined;
    this.runningVar = trackRunningStats ? new Buffer([channels], ones) : undefined;
  }

  protected normalize(x: Tensor): Tensor {
    const { weight, bias, runningMean, runningVar } = this;
    if (x.shape[1] !== this.#channels)
      throw new RangeError(`${this.constructor.name}: made for ${this.#channels} channels, the input is ${x}.`);
    if (runningMean && runningVar && !currentTrace()?.training)
      return ops.normalize(x, runningMean, runningVar, weight, bias, this.#eps);
    const { output, mean, variance } = ops.batchNorm(x, weight, bias, this.#eps);
    const samples = ops.ones([x.shape[0] as Shape[0]]);
    runningMean?.update(mean, samples, this.#momentum);
    runningVar?.update(variance, samples, this.#momentum);
    return output;
  }
}

/**
 * Normalises each feature of `[batch, features]` or each channel of `[batch, channels, length]` over its shard (Ioffe and Szegedy 2015). Running
 * statistics are those of the shards, averaged by their samples, moved once per step; an evaluation normalises with them.
 */
export class BatchNorm1d extends BatchNorm {
  forward(x: Tensor): Tensor {
    if (x.rank !== 2 && x.rank !== 3)
      throw new RangeError(`BatchNorm1d: the input must be [batch, features] or [batch, channels, length], not ${x}.`);
    return this.normalize(x);
  }
}

/** As `BatchNorm1d` for each channel of `[batch, channels, height, width]`. */
export class BatchNorm2d extends BatchNorm {
  forward(x: Tensor): Tensor {
    if (x.rank !== 4)
      throw new RangeError(`BatchNorm2d: the input must be [batch, channels, height, width], not ${x}.`);
    return this.normalize(x);
  }
}
