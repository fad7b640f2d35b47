export {
  add,
  addScalar,
  div,
  minus,
  mul,
  mulScalar,
  neg,
  over,
  plus,
  square,
  sub,
  times,
  type Value,
} from './arithmetic.ts';
export { scaledDotProductAttention } from './attention.ts';
export { equal, greater, greaterEqual, maximum, minimum, where } from './compare.ts';
export { softmaxCrossEntropy } from './cross-entropy.ts';
export { dropout } from './dropout.ts';
export {
  abs,
  cos,
  elu,
  erf,
  exp,
  gelu,
  geluTanh,
  leakyRelu,
  log,
  powScalar,
  reciprocal,
  relu,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  sqrt,
  tanh,
} from './elementwise.ts';
export { grad, gradOrNone } from './grad.ts';
export { embedding, gather, gatherLast } from './indexing.ts';
export { full, input, ones, parameter, scalar, tensor, zeros } from './leaf.ts';
export { linear, matmul } from './matmul.ts';
export { cast, concat, pad, permute, slice, transpose } from './movement.ts';

import './methods.ts';

export { layerNorm } from './norm.ts';
export { argmax, max, mean } from './reduce.ts';
export { causalSoftmax, logSoftmax, softmax } from './softmax.ts';
export { expand, flatten, reshape, sum, sumTo } from './stretch.ts';
