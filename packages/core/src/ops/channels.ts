import { type Shape, sameShape } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, leadingSymbolic, operand } from './check.ts';
import { expand, reshape } from './stretch.ts';

/** `[batch, channels, ...]`: the number of channels. */
export function channelsOf(x: Operand): number {
  expectDType(x, 'f32');
  if (x.shape.length < 2) throw new ShapeRule('the input must be [batch, channels, ...]');
  return fixedSize(x.shape[1] as Shape[0], 'the number of channels');
}

/** Throws where a parameter has not one number for each channel. */
export function expectPerChannel(parameter: Operand | undefined, channels: number, what: string): void {
  if (parameter && !sameShape(parameter.shape, [channels]))
    throw new ShapeRule(`the ${what} must have shape [${channels}]`);
}

/** Samples, channels and positions of an image that is bound. */
export const imageSizes = (shape: readonly number[]): [number, number, number] => [
  shape[0] as number,
  shape[1] as number,
  count(shape.slice(2)),
];

/** Scratch of a sum over the batch that gives so many floats. */
export const treeScratch = (floats: number, segments: number): number =>
  floats * 4 * (Math.ceil(Math.log2(segments)) + 1);

const overBatch = {
  mixesRows: ([x]: readonly Operand[]) => leadingSymbolic(x?.shape as Shape),
  segmented: ([x]: readonly Operand[]) => leadingSymbolic(x?.shape as Shape),
};

function emitSum(e: Emit, kernel: 'channelSum' | 'channelDot'): void {
  const [samples, channels, positions] = imageSizes(e.inputs[0]?.shape as number[]);
  const table = e.segments(samples);
  const scratch = e.scratch(treeScratch(channels, table.count));
  const inputs = e.inputs.map(({ address }) => address);
  e.kernel(kernel, e.out, ...inputs, table.address, table.count, channels, positions, scratch);
}

const stretch = (perChannel: Tensor, shape: Shape): Tensor =>
  expand(reshape(perChannel, [...perChannel.shape, ...shape.slice(2).map(() => 1)]), shape);

const channelSumOp = defineOp({
  name: 'channelSum',
  infer: (inputs) => ({ shape: [channelsOf(operand(inputs, 0))], dtype: 'f32' }),
  emit: (e) => emitSum(e, 'channelSum'),
  ...overBatch,
  derivative: ({ inputs: [x], gradient }) => [stretch(gradient, (x as Tensor).shape)],
});

/** Sum of `[batch, channels, ...]` over everything but the channels. */
export const channelSum = (x: Tensor): Tensor => apply(channelSumOp, [x]);

const channelDotOp = defineOp({
  name: 'channelDot',
  infer: (inputs) => {
    const [x, y] = [operand(inputs, 0), expectDType(operand(inputs, 1), 'f32')];
    if (!sameShape(x.shape, y.shape)) throw new ShapeRule('both operands must have the same shape');
    return { shape: [channelsOf(x)], dtype: 'f32' };
  },
  emit: (e) => emitSum(e, 'channelDot'),
  ...overBatch,
});

const channelAffineOp = defineOp({
  name: 'channelAffine',
  // inputs: x, scale [channels], and shift [channels] where there is one
  infer: (inputs) => {
    const x = operand(inputs, 0);
    const channels = channelsOf(x);
    expectPerChannel(operand(inputs, 1), channels, 'scale');
    expectPerChannel(inputs[2], channels, 'shift');
    return { shape: x.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const [x, scale, shift] = e.inputs.map(({ address }) => address) as [number, number, number | undefined];
    e.kernel('channelAffine', e.out, x, scale, shift ?? 0, ...imageSizes(e.shape));
  },
  inPlace: [0],
  derivative: ({ inputs, gradient: g }) => {
    const [x, scale, shift] = inputs as [Tensor, Tensor, Tensor | undefined];
    return [channelAffine(g, scale), apply(channelDotOp, [g, x]), shift && channelSum(g)];
  },
});

/** x `[batch, channels, ...]` times scale plus shift, both `[channels]`. */
export const channelAffine = (x: Tensor, scale: Tensor, shift?: Tensor): Tensor =>
  apply(channelAffineOp, shift ? [x, scale, shift] : [x, scale]);
