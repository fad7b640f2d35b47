import { expect, test } from 'vitest';
import { batchDim } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as nn from '../nn/index.ts';
import * as ops from './index.ts';

const zeros = (...shape: number[]): Tensor => ops.zeros(shape);
const image = zeros(2, 4, 5, 6);
const weight = zeros(6, 4, 3, 3);

test.each<[string, () => unknown, RegExp]>([
  [
    'channels and groups',
    () => ops.conv2d(image, zeros(6, 1, 3, 3), undefined, { groups: 3 }),
    /conv2d: 4 channels are not divisible by 3 groups \(inputs: f32\[2, 4, 5, 6\]/,
  ],
  [
    'filters and groups',
    () => ops.conv2d(image, zeros(3, 2, 3, 3), undefined, { groups: 2 }),
    /conv2d: 3 filters are not divisible by 2 groups/,
  ],
  [
    'channels of the weight',
    () => ops.conv2d(image, zeros(6, 3, 3, 3)),
    /conv2d: the weight is for 3 channels, the input has 4/,
  ],
  [
    'a kernel larger than the padded input',
    () => ops.conv2d(zeros(1, 4, 2, 5), weight),
    /conv2d: the kernel reaches over 3 elements, but the padded input has 2/,
  ],
  [
    'a dilated kernel larger than the padded input',
    () => ops.conv2d(image, weight, undefined, { dilation: 3 }),
    /conv2d: the kernel reaches over 7 elements, but the padded input has 5/,
  ],
  ['an image without a batch', () => ops.conv2d(zeros(4, 5, 6), weight), /conv2d: the input must be \[batch, channels/],
  ['a weight of another rank', () => ops.conv2d(image, zeros(6, 4, 3)), /conv2d: the weight must have 4 fixed sizes/],
  [
    'a dtype',
    () => ops.conv2d(ops.zeros([1, 4, 5, 6]).to('i32'), weight),
    /conv2d: input must be f32, not i32; cast it with \.to\('f32'\)/,
  ],
  ['a bias', () => ops.conv2d(image, weight, zeros(4)), /conv2d: the bias must have shape \[6\]/],
  [
    'a varying size',
    () => ops.conv2d(ops.input('x', [2, 4, batchDim(), 6], 'f32'), weight),
    /must be a fixed size, not batch/,
  ],
  [
    'a stride of 0',
    () => ops.conv2d(image, weight, undefined, { stride: 0 }),
    /conv2d: stride must be a whole number of at least 1 or 2 of them, not 0/,
  ],
  [
    'three paddings',
    () => ops.conv2d(image, weight, undefined, { padding: [1, 2, 3] }),
    /conv2d: padding must be a whole number of at least 0 or 2 of them, not \[1,2,3\]/,
  ],
  [
    "'same' with a stride",
    () => ops.conv2d(image, weight, undefined, { padding: 'same', stride: 2 }),
    /conv2d: padding 'same' needs stride 1/,
  ],
  [
    'outputPadding',
    () => ops.convTranspose2d(image, zeros(4, 2, 3, 3), undefined, { stride: 2, outputPadding: 2 }),
    /convTranspose2d: outputPadding 2 must be less than the stride, which is 2/,
  ],
  [
    'an output that padding eats up',
    () => ops.convTranspose2d(zeros(1, 4, 1, 1), zeros(4, 2, 2, 2), undefined, { padding: 1 }),
    /convTranspose2d: the output would be \[0, 0\]/,
  ],
  [
    'channels of a transposed weight',
    () => ops.convTranspose2d(image, zeros(3, 2, 3, 3)),
    /convTranspose2d: the weight is for 3 channels, the input has 4/,
  ],
  [
    'groups of a layer',
    () => new nn.Conv2d(4, 6, 3, { groups: 4 }),
    /Conv2d: 6 output channels are not divisible by 4/,
  ],
  ['channels of a layer', () => new nn.Conv1d(0, 6, 3), /Conv1d: input channels must be a whole number of at least 1/],
])('bad %s', (_, build, says) => {
  expect(build).toThrow(says);
});

test('sizes', () => {
  const shape = (options: ops.ConvOptions) => ops.conv2d(image, weight, undefined, options).shape;
  expect(shape({})).toEqual([2, 6, 3, 4]);
  expect(shape({ padding: 'same' })).toEqual([2, 6, 5, 6]);
  expect(shape({ padding: 1, stride: 2 })).toEqual([2, 6, 3, 3]);
  expect(shape({ padding: [2, 1], dilation: [2, 1], stride: [1, 3] })).toEqual([2, 6, 5, 2]);
  const up = ops.convTranspose2d(image, zeros(4, 2, 3, 3), undefined, { stride: 2, padding: 1, outputPadding: [1, 0] });
  expect(up.shape).toEqual([2, 2, 10, 11]);
});

test('layers have the parameters of PyTorch', () => {
  const shapes = (layer: nn.Module) => Object.fromEntries([...layer.namedParameters()].map(([n, p]) => [n, p.shape]));
  expect(shapes(new nn.Conv1d(4, 6, 3))).toEqual({ weight: [6, 4, 3], bias: [6] });
  expect(shapes(new nn.Conv2d(4, 6, [3, 1], { groups: 2, bias: false }))).toEqual({ weight: [6, 2, 3, 1] });
  expect(shapes(new nn.ConvTranspose2d(4, 6, 2, { groups: 2 }))).toEqual({ weight: [4, 3, 2, 2], bias: [6] });
  const layer = new nn.ConvTranspose2d(4, 6, 2, { stride: 2 });
  expect(layer.forward(image).shape).toEqual([2, 6, 10, 12]);
  expect(new nn.Conv1d(4, 6, 3, { padding: 'same' }).forward(zeros(2, 4, 9)).shape).toEqual([2, 6, 9]);
});
