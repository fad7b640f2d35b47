import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Module } from './module.ts';

/** A layer without parameters from an op and its arguments. */
function pooling<Arguments extends readonly unknown[]>(
  op: (x: Tensor, ...rest: Arguments) => Tensor,
): new (
  ...rest: Arguments
) => Module & { forward(x: Tensor): Tensor } {
  return class extends Module {
    readonly #rest: Arguments;
    constructor(...rest: Arguments) {
      super();
      this.#rest = rest;
    }
    forward(x: Tensor): Tensor {
      return op(x, ...this.#rest);
    }
  };
}

export const MaxPool1d = pooling(ops.maxPool1d);
export const MaxPool2d = pooling(ops.maxPool2d);
export const AvgPool2d = pooling(ops.avgPool2d);
export const AdaptiveAvgPool2d = pooling(ops.adaptiveAvgPool2d);
/** Every element repeated, by default twice in both directions. */
export const UpsampleNearest2d = pooling(ops.upsampleNearest2d);
