export { type Adjacency, type AdjacencyFields, adjacency } from './adjacency.ts';
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
export {
  attentionWeights,
  type DotProductAttentionOptions,
  maskedSoftmax,
  multiHeadAttention,
  multiHeadSelfAttention,
  multiHeadWeights,
  scaledDotProductAttention,
} from './attention.ts';
export { type BatchNormResult, batchNorm, groupNorm, normalize } from './batch-norm.ts';
export { binaryCrossEntropy } from './binary-cross-entropy.ts';
export { channelAffine, channelSum } from './channels.ts';
export { checkValues, type ValueRule, wholeNumbers } from './check-values.ts';
export { equal, greater, greaterEqual, maximum, minimum, where } from './compare.ts';
export { type ConvTransposeOptions, conv1d, conv2d, convTranspose2d } from './conv.ts';
export type { ConvOptions, PerDimension } from './conv-geometry.ts';
export { softmaxCrossEntropy } from './cross-entropy.ts';
export { dropout } from './dropout.ts';
export { edgeSoftmax, edgeSources, edgeTargets, neighbourMax, neighbourMean, neighbourSum } from './edges.ts';
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
export { differs, embedding, gather, gatherLast, replaceIndex } from './indexing.ts';
export { full, input, ones, parameter, scalar, tensor, zeros } from './leaf.ts';
export { linear, matmul } from './matmul.ts';
export { cast, concat, pad, permute, slice, transpose } from './movement.ts';

import './methods.ts';

export { layerNorm } from './norm.ts';
export {
  type AveragePoolOptions,
  adaptiveAvgPool2d,
  avgPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  type PoolOptions,
  upsampleNearest2d,
} from './pool.ts';
export { randomNormal, randomUniform } from './random.ts';
export { type RecurrentOptions, type RecurrentWeights, recurrent } from './recurrent.ts';
export { argmax, max, mean } from './reduce.ts';
export {
  segmentCounts,
  segmentMax,
  segmentMean,
  segmentSoftmax,
  segmentSpread,
  segmentSum,
} from './segment-reduce.ts';
export { missingLoops, withSelfLoops } from './self-loops.ts';
export { cosineSimilarity, pairwiseDistance } from './similarity.ts';
export { softCrossEntropy, weightedCrossEntropy } from './soft-cross-entropy.ts';
export { causalSoftmax, logSoftmax, softmax } from './softmax.ts';
export { sparseMatmul } from './sparse.ts';
export { expand, flatten, reshape, sum, sumTo } from './stretch.ts';
export { affineWarp } from './warp.ts';
