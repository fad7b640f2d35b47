import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { Module } from './module.ts';

/** A layer without parameters from an op. */
function activation(op: (x: Tensor) => Tensor): new () => Module & { forward(x: Tensor): Tensor } {
  return class extends Module {
    forward(x: Tensor): Tensor {
      return op(x);
    }
  };
}

export const ReLU = activation(ops.relu);
export const Sigmoid = activation(ops.sigmoid);
export const Tanh = activation(ops.tanh);
export const GELU = activation(ops.gelu);
export const SiLU = activation(ops.silu);
