import { ShapeError } from '../errors.ts';
import type { Attributes } from '../graph/attributes.ts';
import type { Shape } from '../graph/dim.ts';
import { type Operand, ShapeRule } from '../graph/op.ts';
import { expectDType, fixedSize } from './check.ts';

/** A number for each spatial dimension, or one for all. */
export type PerDimension = number | readonly number[];

/** Options of a convolution, with PyTorch's names and defaults. */
export interface ConvOptions {
  /** Default 1. */
  readonly stride?: PerDimension;
  /** Zeros on both sides of each dimension; 'same' keeps the size (stride 1 only). Default 0. */
  readonly padding?: PerDimension | 'same';
  /** Distance between the kernel's taps. Default 1. */
  readonly dilation?: PerDimension;
  /** Channels and filters are split into so many groups that do not see each other. Default 1. */
  readonly groups?: number;
}

/** The constants of a convolution as they stand in a graph: one number for each spatial dimension. */
export interface ConvAttributes {
  readonly stride: readonly number[];
  /** Zeros before the first element of each dimension. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** One whole number for each of `rank` dimensions. */
export function perDimension(value: PerDimension, rank: number, least: number, what: string): number[] {
  const values = typeof value === 'number' ? Array<number>(rank).fill(value) : [...value];
  if (values.length !== rank || values.some((v) => !Number.isInteger(v) || v < least)) {
    const several = rank === 1 ? '' : ` or ${rank} of them`;
    throw new ShapeError(
      `${what} must be a whole number of at least ${least}${several}, not ${JSON.stringify(value) ?? String(value)}.`,
    );
  }
  return values;
}

export function convAttributes(name: string, kernel: readonly number[], options: ConvOptions): ConvAttributes {
  const rank = kernel.length;
  const of = (value: PerDimension, least: number, what: string) => perDimension(value, rank, least, `${name}: ${what}`);
  const stride = of(options.stride ?? 1, 1, 'stride');
  const dilation = of(options.dilation ?? 1, 1, 'dilation');
  const groups = of(options.groups ?? 1, 1, 'groups')[0] as number;
  const { padding = 0 } = options;
  if (padding !== 'same') {
    const both = of(padding, 0, 'padding');
    return { stride, before: both, after: both, dilation, groups };
  }
  if (stride.some((s) => s !== 1))
    throw new ShapeError(`${name}: padding 'same' needs stride 1; give padding as a number.`);
  const total = kernel.map((k, i) => (dilation[i] as number) * (k - 1));
  const before = total.map((t) => Math.floor(t / 2));
  return { stride, before, after: total.map((t, i) => t - (before[i] as number)), dilation, groups };
}

/** Everything a convolution's kernels need but the number of samples. Channels and filters are those of one group. */
export interface ConvSizes {
  readonly groups: number;
  readonly channels: number;
  readonly filters: number;
  /** Height and width; the height is 1 in one dimension. */
  readonly size: readonly [number, number];
  readonly kernel: readonly [number, number];
  readonly out: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  readonly dilation: readonly [number, number];
}

/** The sizes that go out of a convolution; throws where it does not fit. */
export function convOutput(size: readonly number[], kernel: readonly number[], attributes: ConvAttributes): number[] {
  return size.map((s, i) => {
    const padded = s + (attributes.before[i] as number) + (attributes.after[i] as number);
    const reach = (attributes.dilation[i] as number) * ((kernel[i] as number) - 1) + 1;
    if (reach > padded)
      throw new ShapeRule(`the kernel reaches over ${reach} elements, but the padded input has ${padded}`);
    return Math.floor((padded - reach) / (attributes.stride[i] as number)) + 1;
  });
}

const pair = (values: readonly number[], fill: number): [number, number] =>
  values.length === 1 ? [fill, values[0] as number] : [values[0] as number, values[1] as number];

/** @param shape of the input, `[samples, channels, ...size]`; `weight` is `[filters, channels / groups, ...kernel]` */
export function convSizes(shape: Shape, weight: Shape, attributes: ConvAttributes): ConvSizes {
  const kernel = weight.slice(2) as number[];
  const size = shape.slice(2) as number[];
  return {
    groups: attributes.groups,
    channels: weight[1] as number,
    filters: (weight[0] as number) / attributes.groups,
    size: pair(size, 1),
    kernel: pair(kernel, 1),
    out: pair(convOutput(size, kernel, attributes), 1),
    stride: pair(attributes.stride, 1),
    before: pair(attributes.before, 0),
    dilation: pair(attributes.dilation, 1),
  };
}

/** The sizes as the words that the kernels read (kernels/conv-geometry.ts). */
export const sizeWords = (samples: number, s: ConvSizes): number[] => [
  samples,
  s.groups,
  s.channels,
  s.filters,
  ...s.size,
  ...s.kernel,
  ...s.out,
  ...s.stride,
  ...s.before,
  ...s.dilation,
];

/** What the shape rules of all three ops ask of the input, the weight and the constants. */
export function checkConv(
  name: string,
  input: Operand,
  weight: Operand,
  channels: number,
  attributes: Attributes,
): void {
  const rank = input.shape.length - 2;
  expectDType(input, 'f32');
  expectDType(weight, 'f32', 'the weight');
  const { stride, before, after, dilation, groups } = attributes as unknown as ConvAttributes;
  for (const [values, least] of [
    [stride, 1],
    [before, 0],
    [after, 0],
    [dilation, 1],
    [[groups], 1],
  ] as const) {
    if (values.some((v) => !Number.isInteger(v) || v < least)) throw new ShapeRule(`${name} has impossible constants`);
  }
  if (stride.length !== rank || before.length !== rank || after.length !== rank || dilation.length !== rank)
    throw new ShapeRule(`${name} has constants for ${stride.length} dimensions`);
  if (channels % groups !== 0) throw new ShapeRule(`${channels} channels are not divisible by ${groups} groups`);
}

/** `[leading, channels, ...size]` with everything but the leading size fixed. */
export function fixedImage(x: Operand, rank: number, what = 'the input'): { channels: number; size: number[] } {
  const names = rank === 1 ? '[batch, channels, length]' : '[batch, channels, height, width]';
  if (x.shape.length !== rank + 2) throw new ShapeRule(`${what} must be ${names}`);
  const [channels, ...size] = x.shape.slice(1).map((s) => fixedSize(s, `every size of ${what} but the first`));
  return { channels: channels as number, size };
}
