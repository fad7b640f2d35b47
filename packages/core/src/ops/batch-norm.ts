import { ShapeError } from '../errors.ts';
import type { Attributes } from '../graph/attributes.ts';
import { isSymbolic, product, type Shape, type Size, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, type Emit, f32, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, addScalar, mul, neg } from './arithmetic.ts';
import { channelAffine, channelsOf, expectPerChannel, imageSizes, treeScratch } from './channels.ts';
import { leadingSymbolic, operand } from './check.ts';
import { rsqrt } from './elementwise.ts';
import { slice } from './movement.ts';
import { layerNorm } from './norm.ts';
import { reshape, sum } from './stretch.ts';

// Statistics of a shard stand in the rows of all its samples, so every op after them treats samples independently.

const address = (e: Emit, i: number): number => e.inputs[i]?.address ?? 0;
/** Whether a ReLU is part of the op. Only `program/fuse.ts` makes it so. */
const reluOf = (e: Emit): number => (e.attributes.relu === true ? 1 : 0);

/** What a ReLU in the op needs: weight and bias, as inputs from `first` on. */
function checkRelu(inputs: readonly Operand[], attributes: Attributes, first: number, channels: number): void {
  if (attributes.relu !== true) return;
  for (const i of [first, first + 1]) {
    if (!inputs[i]) throw new ShapeRule('a ReLU in the normalisation needs a weight and a bias');
    expectPerChannel(inputs[i], channels, i === first ? 'weight' : 'bias');
  }
}
const withinShards = {
  mixesRows: ([x]: readonly Operand[]) => leadingSymbolic(x?.shape as Shape),
  withinShards: () => true,
};
/** Rows of the statistics of each sample. */
const [momentRows, sumRows] = [3, 4];

const momentsOp = defineOp({
  name: 'batchMoments',
  infer: (inputs) => {
    const x = operand(inputs, 0);
    return { shape: [x.shape[0] as Shape[0], momentRows, channelsOf(x)], dtype: 'f32' };
  },
  emit: (e) => {
    const [samples, channels, positions] = imageSizes(e.inputs[0]?.shape as number[]);
    const table = e.segments(samples);
    const eps = f32(e.attributes.eps as number);
    e.kernel('batchMoments', e.out, address(e, 0), table.address, table.count, channels, positions, eps);
  },
  ...withinShards,
  // Their part of the gradient is in that of batchNorm.
  derivative: () => [undefined],
});

const sumsOp = defineOp({
  name: 'batchNormSums',
  // inputs: x, g, moments; and weight and bias where g is behind a ReLU (program/fuse.ts)
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    checkRelu(inputs, attributes, 3, channelsOf(x));
    return { shape: [x.shape[0] as Shape[0], sumRows, channelsOf(x)], dtype: 'f32' };
  },
  emit: (e) => {
    const [samples, channels, positions] = imageSizes(e.inputs[0]?.shape as number[]);
    const table = e.segments(samples);
    const inputs = [0, 1, 2, 3, 4].map((i) => address(e, i));
    e.kernel('batchNormSums', e.out, ...inputs, reluOf(e), table.address, table.count, channels, positions);
  },
  ...withinShards,
});

const gradOp = defineOp({
  name: 'batchNormGrad',
  // inputs: x, g, moments, sums, and weight where there is one; and bias where g is behind a ReLU
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    checkRelu(inputs, attributes, 4, channelsOf(x));
    return { shape: x.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const inputs = [0, 1, 2, 3, 4, 5].map((i) => address(e, i));
    e.kernel('batchNormGrad', e.out, ...inputs, reluOf(e), ...imageSizes(e.shape));
  },
  inPlace: [1],
});

const firstOp = defineOp({
  name: 'segmentFirst',
  // one row of the statistics of each shard, summed over the shards
  infer: (inputs) => ({ shape: [operand(inputs, 0).shape[2] as Shape[0]], dtype: 'f32' }),
  emit: (e) => {
    const [samples, rows, channels] = (e.inputs[0] as Emit['inputs'][0]).shape as [number, number, number];
    const table = e.segments(samples);
    const from = address(e, 0) + (e.attributes.row as number) * channels * 4;
    const scratch = e.scratch(treeScratch(channels, table.count));
    e.kernel('segmentFirst', e.out, from, table.address, table.count, channels, rows * channels, scratch);
  },
  mixesRows: ([x]) => leadingSymbolic(x?.shape as Shape),
  segmented: ([x]) => leadingSymbolic(x?.shape as Shape),
});

const batchNormOp = defineOp({
  name: 'batchNorm',
  // inputs: x, its moments, and weight and bias [channels] where there are such; what is added, where the op does that as well
  infer: (inputs, attributes) => {
    const x = operand(inputs, 0);
    const channels = channelsOf(x);
    if (!sameShape(operand(inputs, 1).shape, [x.shape[0] as Shape[0], momentRows, channels]))
      throw new ShapeRule('the moments are not those of the input');
    expectPerChannel(inputs[2], channels, 'weight');
    expectPerChannel(inputs[3], channels, 'bias');
    checkRelu(inputs, attributes, 2, channels);
    if (inputs[4] && !sameShape(inputs[4].shape, x.shape)) throw new ShapeRule('what is added has another shape');
    return { shape: x.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const inputs = [0, 1, 2, 3, 4].map((i) => address(e, i));
    e.kernel('batchNorm', e.out, ...inputs, reluOf(e), ...imageSizes(e.shape));
  },
  derivative: ({ inputs, gradient: g }) => {
    const [x, moments, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined, Tensor | undefined];
    const sums = apply(sumsOp, [x, g, moments]);
    return [
      apply(gradOp, weight ? [x, g, moments, sums, weight] : [x, g, moments, sums]),
      undefined,
      weight && apply(firstOp, [sums], { row: 1 }),
      bias && apply(firstOp, [sums], { row: 0 }),
    ];
  },
});

export interface BatchNormResult {
  readonly output: Tensor;
  /** Sums over the samples of a shard of their shard's mean and unbiased variance, `[channels]`. */
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/**
 * Normalises x `[batch, channels, ...]` by the mean and the (biased) variance of each channel over the samples and positions of a shard,
 * times weight plus bias, both `[channels]` (Ioffe and Szegedy 2015).
 */
export function batchNorm(x: Tensor, weight?: Tensor, bias?: Tensor, eps = 1e-5): BatchNormResult {
  if (bias && !weight)
    throw new TypeError('batchNorm: a bias without a weight is not supported; give a weight of ones.');
  const moments = apply(momentsOp, [x], { eps: Math.fround(eps) });
  const total = (row: number) => {
    const rows = slice(moments, 1, row, row + 1);
    return sum(reshape(rows, [x.shape[0] as Shape[0], x.shape[1] as Shape[0]]), 0);
  };
  const inputs = [x, moments, weight, bias].filter((t) => t !== undefined);
  return { output: apply(batchNormOp, inputs), mean: total(0), variance: total(2) };
}

/** Normalises x `[batch, channels, ...]` by a given mean and variance `[channels]`, as an evaluation does. */
export function normalize(
  x: Tensor,
  mean: Tensor,
  variance: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  eps = 1e-5,
): Tensor {
  const inverse = rsqrt(addScalar(variance, Math.fround(eps)));
  const scale = weight ? mul(weight, inverse) : inverse;
  const shift = neg(mul(mean, scale));
  return channelAffine(x, scale, bias ? add(bias, shift) : shift);
}

/**
 * Normalises x `[batch, channels, ...]` over groups of neighbouring channels and their positions, sample by sample, times weight plus
 * bias, both `[channels]` (Wu and He 2018).
 */
export function groupNorm(x: Tensor, groups: number, weight?: Tensor, bias?: Tensor, eps = 1e-5): Tensor {
  if (bias && !weight)
    throw new TypeError('groupNorm: a bias without a weight is not supported; give a weight of ones.');
  const [samples, channels, ...size] = x.shape;
  if (
    channels === undefined ||
    isSymbolic(channels) ||
    !Number.isInteger(groups) ||
    groups < 1 ||
    channels % groups !== 0
  )
    throw new ShapeError(
      `groupNorm: ${shapeText(x.shape)} is not [batch, channels, ...] with channels divisible by ${groups} groups.`,
    );
  const rows = reshape(x, [product([samples as Size, groups]), product([channels / groups, ...size])]);
  const y = reshape(layerNorm(rows, undefined, undefined, eps), x.shape);
  return weight ? channelAffine(y, weight, bias) : y;
}
