import type { DType, Shape } from '../graph/dim.ts';
import { Tensor } from '../graph/tensor.ts';
import { minus, neg, over, plus, square, times, type Value } from './arithmetic.ts';
import { maximum, minimum } from './compare.ts';
import { type ConvTransposeOptions, conv1d, conv2d, convTranspose2d } from './conv.ts';
import type { ConvOptions, PerDimension } from './conv-geometry.ts';
import * as elementwise from './elementwise.ts';
import { matmul } from './matmul.ts';
import { cast, permute, slice, transpose } from './movement.ts';
import {
  type AveragePoolOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  upsampleNearest2d,
} from './pool.ts';
import { argmax, max, mean } from './reduce.ts';
import { logSoftmax, softmax } from './softmax.ts';
import { expand, flatten, reshape, sum } from './stretch.ts';

/** Ops that read well as methods: `x.matmul(w).add(b).relu()`. */
const methods = {
  add: plus,
  sub: minus,
  mul: times,
  div: over,
  neg,
  square,
  maximum,
  minimum,
  matmul,
  conv1d,
  conv2d,
  convTranspose2d,
  maxPool1d,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  upsampleNearest2d,
  permute,
  transpose,
  slice,
  to: cast,
  sum,
  mean,
  max,
  argmax,
  softmax,
  logSoftmax,
  expand,
  reshape,
  exp: elementwise.exp,
  log: elementwise.log,
  sqrt: elementwise.sqrt,
  abs: elementwise.abs,
  pow: elementwise.powScalar,
  relu: elementwise.relu,
  sigmoid: elementwise.sigmoid,
  tanh: elementwise.tanh,
  gelu: elementwise.gelu,
  geluTanh: elementwise.geluTanh,
  silu: elementwise.silu,
  softplus: elementwise.softplus,
  leakyRelu: elementwise.leakyRelu,
  elu: elementwise.elu,
  flatten,
} satisfies Record<string, (x: Tensor, ...rest: never[]) => Tensor>;

type Methods = typeof methods;

// The graph knows nothing of ops; they are added to its handle here, types included.
declare module '../graph/tensor.ts' {
  interface Tensor {
    add(other: Value): Tensor;
    sub(other: Value): Tensor;
    mul(other: Value): Tensor;
    div(other: Value): Tensor;
    neg(): Tensor;
    square(): Tensor;
    maximum(other: Tensor): Tensor;
    minimum(other: Tensor): Tensor;
    matmul(other: Tensor, options?: { transA?: boolean; transB?: boolean }): Tensor;
    conv1d(weight: Tensor, bias?: Tensor, options?: ConvOptions): Tensor;
    conv2d(weight: Tensor, bias?: Tensor, options?: ConvOptions): Tensor;
    convTranspose2d(weight: Tensor, bias?: Tensor, options?: ConvTransposeOptions): Tensor;
    maxPool1d(kernel: number, options?: MaxPoolOptions): Tensor;
    maxPool2d(kernel: PerDimension, options?: MaxPoolOptions): Tensor;
    avgPool2d(kernel: PerDimension, options?: AveragePoolOptions): Tensor;
    adaptiveAvgPool2d(out: PerDimension): Tensor;
    upsampleNearest2d(scale?: PerDimension): Tensor;
    permute(axes: readonly number[]): Tensor;
    transpose(a?: number, b?: number): Tensor;
    slice(axis: number, from: number, to?: number): Tensor;
    to(dtype: DType): Tensor;
    sum(axes?: number | readonly number[], keepDim?: boolean): Tensor;
    mean(axes?: number | readonly number[], keepDim?: boolean): Tensor;
    max(axis?: number): Tensor;
    argmax(axis?: number): Tensor;
    softmax(axis?: number): Tensor;
    logSoftmax(axis?: number): Tensor;
    expand(shape: Shape): Tensor;
    reshape(shape: Shape): Tensor;
    exp(): Tensor;
    log(): Tensor;
    sqrt(): Tensor;
    abs(): Tensor;
    pow(exponent: number): Tensor;
    relu(): Tensor;
    sigmoid(): Tensor;
    tanh(): Tensor;
    gelu(): Tensor;
    geluTanh(): Tensor;
    silu(): Tensor;
    softplus(): Tensor;
    leakyRelu(negativeSlope?: number): Tensor;
    elu(alpha?: number): Tensor;
    flatten(from?: number, to?: number): Tensor;
  }
}

for (const [name, op] of Object.entries(methods) as [keyof Methods, (x: Tensor, ...rest: unknown[]) => Tensor][]) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: unknown[]) {
      return op(this, ...rest);
    },
  });
}
