import { expect, test } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import * as nn from '../nn/index.ts';
import * as ops from './index.ts';

const zeros = (...shape: number[]): Tensor => ops.zeros(shape);
const image = zeros(2, 6, 5, 7);

test.each<[string, () => unknown, RegExp]>([
  ['rank', () => ops.maxPool2d(zeros(6, 5, 7), 2), /maxPool2d: the input must be \[batch, channels, height, width\]/],
  [
    'window',
    () => ops.maxPool2d(image, 6),
    /maxPool2d: the window reaches over 6 elements, but the padded input has 5/,
  ],
  [
    'padding',
    () => ops.avgPool2d(image, 3, { padding: 2 }),
    /avgPool2d: padding 2 is more than half the kernel, which is 3/,
  ],
  ['stride', () => ops.avgPool2d(image, 2, { stride: 0 }), /avgPool2d: stride must be a whole number of at least 1/],
  ['kernel', () => ops.maxPool2d(image, [2, 2.5]), /maxPool2d: kernel must be a whole number of at least 1/],
  ['dtype', () => ops.maxPool2d(image.to('i32'), 2), /maxPool2d: input must be f32, not i32/],
  ['length', () => ops.maxPool1d(image, 2), /maxPool1d: the input must be \[batch, channels, length\]/],
  ['output size', () => ops.adaptiveAvgPool2d(image, 0), /adaptiveAvgPool2d: the output size must be a whole number/],
  ['scale', () => ops.upsampleNearest2d(image, 0), /upsampleNearest2d: scale must be a whole number of at least 1/],
  [
    'groups',
    () => ops.groupNorm(image, 4),
    /groupNorm: \[2, 6, 5, 7\] is not \[batch, channels, ...\] with channels divisible/,
  ],
  ['groups of a layer', () => new nn.GroupNorm(4, 6), /GroupNorm: 6 channels are not divisible by 4 groups/],
  ['weight', () => ops.batchNorm(image, zeros(5)), /batchNorm: the weight must have shape \[6\]/],
  ['batch norm of i32', () => ops.batchNorm(image.to('i32')), /batchMoments: input must be f32, not i32/],
  ['channels', () => new nn.BatchNorm2d(5).forward(image), /BatchNorm2d: made for 5 channels, the input is/],
  [
    'rank of BatchNorm1d',
    () => new nn.BatchNorm1d(6).forward(image),
    /BatchNorm1d: the input must be \[batch, features\] or/,
  ],
  [
    'rank of BatchNorm2d',
    () => new nn.BatchNorm2d(6).forward(zeros(2, 6)),
    /BatchNorm2d: the input must be \[batch, channels/,
  ],
  [
    'shortcut to fewer channels',
    () => new nn.BasicBlock(6, 4, { shortcut: 'padding' }),
    /A padding shortcut cannot lead from 6 to 4 channels/,
  ],
])('bad %s', (_, build, says) => {
  expect(build).toThrow(says);
});

test('sizes', () => {
  expect(image.maxPool2d(2).shape).toEqual([2, 6, 2, 3]);
  expect(image.maxPool2d(2, { ceilMode: true }).shape).toEqual([2, 6, 3, 4]);
  // a last window that would begin in the padding does not count
  expect(image.avgPool2d(2, { ceilMode: true, padding: 1, stride: 3 }).shape).toEqual([2, 6, 2, 3]);
  expect(image.maxPool2d(3, { stride: [1, 2], padding: [1, 0], dilation: [2, 1] }).shape).toEqual([2, 6, 3, 3]);
  expect(zeros(2, 6, 9).maxPool1d(3, { stride: 2, padding: 1 }).shape).toEqual([2, 6, 5]);
  expect(image.adaptiveAvgPool2d([1, 3]).shape).toEqual([2, 6, 1, 3]);
  expect(image.upsampleNearest2d([2, 3]).shape).toEqual([2, 6, 10, 21]);
});

test('blocks', () => {
  const shape = (block: nn.Layer) => block.forward(image).shape;
  expect(shape(new nn.BasicBlock(6, 8, { stride: 2 }))).toEqual([2, 8, 3, 4]);
  expect(shape(new nn.BasicBlock(6, 8, { stride: 2, shortcut: 'padding' }))).toEqual([2, 8, 3, 4]);
  expect(shape(new nn.Bottleneck(6, 3, { stride: 2 }))).toEqual([2, 12, 3, 4]);
  expect(shape(new nn.DepthwiseSeparableConv2d(6, 10, { stride: 2 }))).toEqual([2, 10, 3, 4]);
  expect(shape(new nn.InvertedResidual(6, 6, { expansion: 2 }))).toEqual([2, 6, 5, 7]);
  const names = (block: nn.Module) => [...block.namedParameters()].map(([name]) => name);
  expect(names(new nn.BasicBlock(6, 6))).not.toContain('shortcut.projection.weight');
  expect(names(new nn.BasicBlock(6, 8))).toContain('shortcut.projection.weight');
  expect(names(new nn.BasicBlock(6, 8, { shortcut: 'padding' }))).not.toContain('shortcut.projection.weight');
  expect(names(new nn.InvertedResidual(6, 8, { expansion: 1 }))).not.toContain('expand.weight');
  expect([...new nn.BatchNorm2d(6).namedBuffers()].map(([name]) => name)).toEqual(['runningMean', 'runningVar']);
});
