import { ShapeError } from '../errors.ts';
import type { Attributes, Json } from '../graph/attributes.ts';
import { type Shape, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type OpDefinition, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { channelSum } from './channels.ts';
import { count, leadingSymbolic, operand } from './check.ts';
import {
  type ConvAttributes,
  type ConvOptions,
  type ConvSizes,
  checkConv,
  convAttributes,
  convOutput,
  convSizes,
  fixedImage,
  type PerDimension,
  perDimension,
  sizeWords,
} from './conv-geometry.ts';
import {
  depthwiseForwardScratch,
  depthwiseInputScratch,
  depthwiseWeightScratch,
  forwardScratch,
  inputScratch,
  isDepthwise,
  weightScratch,
} from './conv-scratch.ts';
import { isWinograd, winogradForward, winogradInput, winogradWeight } from './winograd-sizes.ts';

/** The three ops of a convolution over 1 or 2 dimensions. Each is what the others' derivatives are made of. */
interface ConvFamily {
  readonly forward: OpDefinition;
  readonly transposed: OpDefinition;
  readonly gradWeight: OpDefinition;
}

const constants = (attributes: Attributes) => attributes as unknown as ConvAttributes;
const numbers = (value: Json | undefined) => value as readonly number[];
const address = (e: Emit, i: number): number => e.inputs[i]?.address ?? 0;
const shapeOf = (e: Emit, i: number): readonly number[] => e.inputs[i]?.shape as number[];

function checkBias(bias: Operand | undefined, filters: number): void {
  if (bias && !sameShape(bias.shape, [filters])) throw new ShapeRule(`the bias must have shape [${filters}]`);
}

function defineFamily(rank: 1 | 2): ConvFamily {
  const weightOf = (inputs: readonly Operand[], i = 1): { operand: Operand; shape: readonly number[] } => {
    const weight = operand(inputs, i);
    if (weight.shape.length !== rank + 2 || weight.shape.some((s) => typeof s !== 'number' || s < 1))
      throw new ShapeRule(`the weight must have ${rank + 2} fixed sizes of at least 1`);
    return { operand: weight, shape: weight.shape as readonly number[] };
  };

  const forward = defineOp({
    name: `conv${rank}d`,
    // inputs: x, weight [filters, channels / groups, ...kernel], and bias [filters] where there is one
    infer: (inputs, attributes) => {
      const x = operand(inputs, 0);
      const { channels, size } = fixedImage(x, rank);
      const weight = weightOf(inputs);
      const [filters, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
      const { groups } = constants(attributes);
      checkConv('the convolution', x, weight.operand, channels, attributes);
      if (filters % groups !== 0) throw new ShapeRule(`${filters} filters are not divisible by ${groups} groups`);
      if (perGroup * groups !== channels)
        throw new ShapeRule(`the weight is for ${perGroup * groups} channels, the input has ${channels}`);
      checkBias(inputs[2], filters);
      return {
        shape: [x.shape[0] as Shape[0], filters, ...convOutput(size, kernel, constants(attributes))],
        dtype: 'f32',
      };
    },
    emit: (e) => {
      const sizes = convSizes(shapeOf(e, 0), shapeOf(e, 1), constants(e.attributes));
      const samples = e.shape[0] as number;
      const inputs = [address(e, 0), address(e, 1), address(e, 2)];
      const words = [e.out, ...inputs, ...sizeWords(samples, sizes)];
      const relu = e.attributes.relu === true; // only program/fuse.ts makes it so
      if (isWinograd(sizes)) {
        const { strips, bytes } = winogradForward(sizes);
        e.kernel('winograd', ...words, relu ? 1 : 0, strips, e.scratch(bytes));
      } else if (isDepthwise(sizes)) {
        e.kernel('depthwise2d', ...words, e.scratch(depthwiseForwardScratch(sizes)));
        if (relu) e.kernel('relu', e.out, e.out, count(e.shape));
      } else e.kernel('conv2d', ...words, relu ? 1 : 0, e.scratch(forwardScratch(sizes)));
    },
    derivative: ({ inputs, gradient: g, attributes }) => {
      const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
      return [
        apply(transposed, [g, weight], { ...attributes, size: x.shape.slice(2) as number[] }),
        apply(gradWeight, [x, g], { ...attributes, kernel: weight.shape.slice(2) as number[] }),
        bias && channelSum(g),
      ];
    },
  });

  const transposed = defineOp({
    name: `convTranspose${rank}d`,
    // inputs: x, weight [channels, filters / groups, ...kernel], and bias [filters]; attribute `size` is that of the output
    infer: (inputs, attributes) => {
      const x = operand(inputs, 0);
      const { channels, size: got } = fixedImage(x, rank);
      const weight = weightOf(inputs);
      const [inChannels, perGroup, ...kernel] = weight.shape as [number, number, ...number[]];
      const { groups } = constants(attributes);
      checkConv('the transposed convolution', x, weight.operand, channels, attributes);
      if (inChannels !== channels)
        throw new ShapeRule(`the weight is for ${inChannels} channels, the input has ${channels}`);
      const size = numbers(attributes.size);
      if (size.length !== rank || size.some((s) => !Number.isInteger(s) || s < 1))
        throw new ShapeRule(`the output would be ${shapeText(size)}`);
      const expected = convOutput(size, kernel, constants(attributes));
      if (!sameShape(expected, got))
        throw new ShapeRule(`an output of ${shapeText(size)} comes from ${shapeText(expected)}, not ${shapeText(got)}`);
      checkBias(inputs[2], perGroup * groups);
      return { shape: [x.shape[0] as Shape[0], perGroup * groups, ...size], dtype: 'f32' };
    },
    emit: (e) => {
      const sizes = convSizes(e.shape, shapeOf(e, 1), constants(e.attributes));
      const samples = e.shape[0] as number;
      const inputs = [address(e, 0), address(e, 1), address(e, 2)];
      const words = [e.out, ...inputs, ...sizeWords(samples, sizes)];
      if (isWinograd(sizes)) {
        const { strips, bytes } = winogradInput(sizes);
        e.kernel('winogradGradInput', ...words, 0, strips, e.scratch(bytes));
      } else if (isDepthwise(sizes))
        e.kernel('depthwise2dGradInput', ...words, e.scratch(depthwiseInputScratch(sizes)));
      else e.kernel('conv2dGradInput', ...words, e.scratch(inputScratch(sizes)));
    },
    derivative: ({ inputs, gradient: g, attributes }) => {
      const [x, weight, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
      const { size: _, ...rest } = attributes;
      return [
        apply(forward, [g, weight], rest),
        apply(gradWeight, [g, x], { ...rest, kernel: weight.shape.slice(2) as number[] }),
        bias && channelSum(g),
      ];
    },
  });

  const gradWeight = defineOp({
    name: `conv${rank}dGradWeight`,
    // inputs: what the convolution reads, and the gradient of what it gives
    infer: (inputs, attributes) => {
      const [x, g] = [operand(inputs, 0), operand(inputs, 1)];
      const { channels, size } = fixedImage(x, rank);
      const { channels: filters, size: out } = fixedImage(g, rank, 'the gradient');
      checkConv('the convolution', x, g, channels, attributes);
      const kernel = numbers(attributes.kernel);
      const { groups } = constants(attributes);
      if (kernel.length !== rank || kernel.some((k) => !Number.isInteger(k) || k < 1) || filters % groups !== 0)
        throw new ShapeRule('the convolution has impossible constants');
      if (
        !sameShape(convOutput(size, kernel, constants(attributes)), out) ||
        !sameShape([x.shape[0] ?? 0], [g.shape[0] ?? 0])
      )
        throw new ShapeRule('the gradient does not have the shape of the output');
      return { shape: [filters, channels / groups, ...kernel], dtype: 'f32' };
    },
    emit: (e) => {
      const sizes: ConvSizes = convSizes(shapeOf(e, 0), e.shape, constants(e.attributes));
      const samples = shapeOf(e, 0)[0] as number;
      const table = e.segments(samples);
      const words = [e.out, address(e, 0), address(e, 1), table.address, table.count, ...sizeWords(samples, sizes)];
      if (isWinograd(sizes)) {
        const { strips, bytes } = winogradWeight(sizes, table.count);
        e.kernel('winogradGradWeight', ...words, strips, e.scratch(bytes));
      } else if (isDepthwise(sizes))
        e.kernel('depthwise2dGradWeight', ...words, e.scratch(depthwiseWeightScratch(sizes, table.count)));
      else e.kernel('conv2dGradWeight', ...words, e.scratch(weightScratch(sizes, table.count)));
    },
    mixesRows: ([x]) => leadingSymbolic(x?.shape as Shape),
    segmented: ([x]) => leadingSymbolic(x?.shape as Shape),
  });

  return { forward, transposed, gradWeight };
}

const families = { 1: defineFamily(1), 2: defineFamily(2) } as const;

function convolve(rank: 1 | 2, x: Tensor, weight: Tensor, bias: Tensor | undefined, options: ConvOptions): Tensor {
  const kernel = weight.shape.slice(2);
  // a weight of another rank is the shape rule's to refuse
  const sized = kernel.length === rank ? (kernel as number[]) : Array<number>(rank).fill(1);
  const attributes = convAttributes(`conv${rank}d`, sized, options);
  return apply(families[rank].forward, bias ? [x, weight, bias] : [x, weight], { ...attributes });
}

/**
 * Cross-correlation over one dimension: x `[batch, channels, length]`, weight `[filters, channels / groups, kernel]`, bias `[filters]`, to
 * `[batch, filters, floor((length + 2 padding - dilation (kernel - 1) - 1) / stride) + 1]`.
 */
export const conv1d = (x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor =>
  convolve(1, x, weight, bias, options);

/**
 * Cross-correlation over two dimensions: x `[batch, channels, height, width]`, weight `[filters, channels / groups, kernel height, kernel
 * width]`, bias `[filters]`, to `[batch, filters, ...]`; each size as in `conv1d`.
 */
export const conv2d = (x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor =>
  convolve(2, x, weight, bias, options);

export interface ConvTransposeOptions extends Omit<ConvOptions, 'padding'> {
  /** Cut off on both sides of each dimension of the output. Default 0. */
  readonly padding?: PerDimension;
  /** Added at the end of each dimension, where a stride leaves the size open; less than the stride. Default 0. */
  readonly outputPadding?: PerDimension;
}

/**
 * The convolution that goes the other way, from its output to its input: x `[batch, channels, height, width]`, weight `[channels,
 * filters / groups, kernel height, kernel width]`, bias `[filters]`, to `[batch, filters, ...]` with sizes
 * `(size - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1`.
 */
export function convTranspose2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvTransposeOptions = {}): Tensor {
  const name = 'convTranspose2d';
  const sized = weight.rank === 4 && x.rank === 4;
  const kernel = sized ? (weight.shape.slice(2) as number[]) : [1, 1];
  const attributes = convAttributes(name, kernel, options);
  const extra = perDimension(options.outputPadding ?? 0, 2, 0, `${name}: outputPadding`);
  const size = (sized ? (x.shape.slice(2) as number[]) : [1, 1]).map((s, i) => {
    const [stride, dilation] = [attributes.stride[i] as number, attributes.dilation[i] as number];
    const more = extra[i] as number;
    if (more >= stride)
      throw new ShapeError(`${name}: outputPadding ${more} must be less than the stride, which is ${stride}.`);
    return (s - 1) * stride - 2 * (attributes.before[i] as number) + dilation * ((kernel[i] as number) - 1) + more + 1;
  });
  return apply(families[2].transposed, bias ? [x, weight, bias] : [x, weight], { ...attributes, size });
}
