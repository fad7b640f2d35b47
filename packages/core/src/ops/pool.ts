import { ShapeError } from '../errors.ts';
import type { Attributes } from '../graph/attributes.ts';
import type { Shape, Size } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, operand } from './check.ts';
import { type PerDimension, perDimension } from './conv-geometry.ts';
import { reshape } from './stretch.ts';

export interface PoolOptions {
  /** Default: the kernel, so that windows touch and do not overlap. */
  readonly stride?: PerDimension;
  /** On both sides of each dimension, at most half the kernel. Default 0. */
  readonly padding?: PerDimension;
  /** Whether a last window that is cut off counts. Default false. */
  readonly ceilMode?: boolean;
}

export interface MaxPoolOptions extends PoolOptions {
  /** Distance between the elements of a window. Default 1. */
  readonly dilation?: PerDimension;
}

export interface AveragePoolOptions extends PoolOptions {
  /** Whether padding counts as zeros in the mean. Default true. */
  readonly countIncludePad?: boolean;
}

/** What a window's sum is divided by, as kernels/pool.ts numbers it. */
const divisors = { elements: 0, padded: 1, one: 2, adaptive: 3 } as const;

/** The constants of a pooling as they stand in a graph; `out` is the size that it gives. */
interface PoolAttributes {
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly size: readonly [number, number];
  readonly out: readonly [number, number];
  readonly divisor: number;
}

const of = (attributes: Attributes) => attributes as unknown as PoolAttributes;

/** Leading sizes and then height and width, which must be those that the constants are for. */
function expectImage(x: Operand, size: readonly number[]): Shape {
  expectDType(x, 'f32');
  const last = x.shape.slice(-2);
  if (x.shape.length !== 4 || last[0] !== size[0] || last[1] !== size[1])
    throw new ShapeRule(`the image must be [batch, channels, ${size.join(', ')}]`);
  return x.shape.slice(0, 2);
}

const planesOf = (shape: readonly number[]): number => count(shape.slice(0, -2));

function words(attributes: Attributes): number[] {
  const { size, out, kernel, stride, padding, dilation } = of(attributes);
  return [...size, ...out, ...kernel, ...stride, ...padding, ...dilation];
}

function checkConstants(attributes: Attributes): void {
  const { kernel, stride, padding, dilation, size, out, divisor } = of(attributes);
  const whole = (values: readonly number[], least: number) =>
    values.length === 2 && values.every((v) => Number.isInteger(v) && v >= least);
  const fine =
    [kernel, stride, dilation, size, out].every((v) => whole(v, 1)) &&
    whole(padding, 0) &&
    [0, 1].every((i) => 2 * (padding[i] as number) <= (kernel[i] as number)) &&
    // every window begins in the image or in the padding before it, unless windows are spread over the image
    (divisor === divisors.adaptive ||
      [0, 1].every(
        (i) => ((out[i] as number) - 1) * (stride[i] as number) < (size[i] as number) + (padding[i] as number),
      )) &&
    Object.values<number>(divisors).includes(divisor);
  if (!fine) throw new ShapeRule('the pooling has impossible constants');
}

const address = (e: Emit, i: number): number => e.inputs[i]?.address as number;

/** An op from an image of `size` to one of `out`, and one for its derivative. */
const inferForward = (inputs: readonly Operand[], attributes: Attributes): Operand => {
  checkConstants(attributes);
  return { shape: [...expectImage(operand(inputs, 0), of(attributes).size), ...of(attributes).out], dtype: 'f32' };
};

const maxPoolOp = defineOp({
  name: 'maxPool2d',
  infer: inferForward,
  emit: (e) => e.kernel('maxPool', e.out, address(e, 0), planesOf(e.shape), ...words(e.attributes)),
  derivative: ({ inputs: [x], gradient, attributes }) => [apply(maxPoolGradOp, [x as Tensor, gradient], attributes)],
});

const maxPoolGradOp = defineOp({
  name: 'maxPool2dGrad',
  infer: (inputs, attributes) => {
    checkConstants(attributes);
    expectImage(operand(inputs, 1), of(attributes).out);
    return { shape: [...expectImage(operand(inputs, 0), of(attributes).size), ...of(attributes).size], dtype: 'f32' };
  },
  emit: (e) => e.kernel('maxPoolGrad', e.out, address(e, 0), address(e, 1), planesOf(e.shape), ...words(e.attributes)),
});

const averagePoolOp = defineOp({
  name: 'avgPool2d',
  infer: inferForward,
  emit: (e) => {
    const { divisor } = of(e.attributes);
    e.kernel('averagePool', e.out, address(e, 0), planesOf(e.shape), ...words(e.attributes), divisor);
  },
  derivative: ({ gradient, attributes }) => [apply(averagePoolGradOp, [gradient], attributes)],
});

const averagePoolGradOp = defineOp({
  name: 'avgPool2dGrad',
  infer: (inputs, attributes) => {
    checkConstants(attributes);
    return { shape: [...expectImage(operand(inputs, 0), of(attributes).out), ...of(attributes).size], dtype: 'f32' };
  },
  emit: (e) => {
    const { divisor } = of(e.attributes);
    e.kernel('averagePoolGrad', e.out, address(e, 0), planesOf(e.shape), ...words(e.attributes), divisor);
  },
  derivative: ({ gradient, attributes }) => [apply(averagePoolOp, [gradient], attributes)],
});

/** Height and width of `[batch, channels, height, width]`. */
function sizeOf(name: string, x: Tensor): [number, number] {
  if (x.rank !== 4) throw new ShapeError(`${name}: the input must be [batch, channels, height, width], not ${x}.`);
  return x.shape.slice(2).map((s) => fixedSize(s, `${name}: every size but the first`)) as [number, number];
}

function windows(name: string, x: Tensor, kernelSize: PerDimension, options: MaxPoolOptions) {
  const pair = (value: PerDimension, least: number, what: string) =>
    perDimension(value, 2, least, `${name}: ${what}`) as [number, number];
  const kernel = pair(kernelSize, 1, 'kernel');
  const stride = pair(options.stride ?? kernel, 1, 'stride');
  const padding = pair(options.padding ?? 0, 0, 'padding');
  const dilation = pair(options.dilation ?? 1, 1, 'dilation');
  const size = sizeOf(name, x);
  const out = size.map((s, i) => {
    const [p, step] = [padding[i] as number, stride[i] as number];
    const reach = (dilation[i] as number) * ((kernel[i] as number) - 1) + 1;
    if (2 * p > (kernel[i] as number))
      throw new ShapeError(`${name}: padding ${p} is more than half the kernel, which is ${kernel[i]}.`);
    if (reach > s + 2 * p)
      throw new ShapeError(
        `${name}: the window reaches over ${reach} elements, but the padded input has ${s + 2 * p}.`,
      );
    const steps = (s + 2 * p - reach) / step;
    if (!options.ceilMode) return Math.floor(steps) + 1;
    const last = Math.ceil(steps);
    return last * step < s + p ? last + 1 : last;
  }) as [number, number];
  return { kernel, stride, padding, dilation, size, out };
}

/** The largest value of each window: `[batch, channels, height, width]` to `[batch, channels, ...]`. */
export function maxPool2d(x: Tensor, kernel: PerDimension, options: MaxPoolOptions = {}): Tensor {
  return apply(maxPoolOp, [x], { ...windows('maxPool2d', x, kernel, options), divisor: divisors.one });
}

/** The mean of each window: `[batch, channels, height, width]` to `[batch, channels, ...]`. */
export function avgPool2d(x: Tensor, kernel: PerDimension, options: AveragePoolOptions = {}): Tensor {
  const divisor = options.countIncludePad === false ? divisors.elements : divisors.padded;
  const { stride, padding, ceilMode } = options;
  const known = {
    ...(stride !== undefined && { stride }),
    ...(padding !== undefined && { padding }),
    ...(ceilMode !== undefined && { ceilMode }),
  };
  return apply(averagePoolOp, [x], { ...windows('avgPool2d', x, kernel, known), divisor });
}

const asImage = (x: Tensor): Tensor => reshape(x, [...x.shape.slice(0, -1), 1, x.shape.at(-1) as Size]);
const asLine = (x: Tensor): Tensor => reshape(x, [...x.shape.slice(0, -2), x.shape.at(-1) as Size]);

/** As `maxPool2d` over `[batch, channels, length]`. */
export function maxPool1d(x: Tensor, kernel: number, options: MaxPoolOptions = {}): Tensor {
  if (x.rank !== 3) throw new ShapeError(`maxPool1d: the input must be [batch, channels, length], not ${x}.`);
  const of = (value: PerDimension | undefined, fill: number, what: string): [number, number] => [
    fill,
    perDimension(value ?? fill, 1, 0, `maxPool1d: ${what}`)[0] as number,
  ];
  return asLine(
    maxPool2d(asImage(x), [1, kernel], {
      stride: [1, of(options.stride ?? kernel, 1, 'stride')[1]],
      padding: of(options.padding, 0, 'padding'),
      dilation: of(options.dilation, 1, 'dilation'),
      ceilMode: options.ceilMode === true,
    }),
  );
}

/**
 * The means of `out` windows that cover the image evenly: window i of n takes elements floor(i size / n) to ceil((i + 1) size / n) of a
 * dimension. `adaptiveAvgPool2d(x, 1)` is the mean over each plane.
 */
export function adaptiveAvgPool2d(x: Tensor, out: PerDimension): Tensor {
  const name = 'adaptiveAvgPool2d';
  const size = sizeOf(name, x);
  const given = perDimension(out, 2, 1, `${name}: the output size`) as [number, number];
  const one = [1, 1];
  const constants = { kernel: one, stride: one, padding: [0, 0], dilation: one, size, out: given };
  return apply(averagePoolOp, [x], { ...constants, divisor: divisors.adaptive });
}

/** Every element repeated `scale` times in both directions: `[batch, channels, height, width]` to `scale` times the size. */
export function upsampleNearest2d(x: Tensor, scale: PerDimension = 2): Tensor {
  const name = 'upsampleNearest2d';
  const out = sizeOf(name, x);
  const kernel = perDimension(scale, 2, 1, `${name}: scale`) as [number, number];
  const size = out.map((s, i) => s * (kernel[i] as number));
  // the reverse of summing each window of `scale` by `scale`
  const constants = { kernel, stride: kernel, padding: [0, 0], dilation: [1, 1], size, out };
  return apply(averagePoolGradOp, [x], { ...constants, divisor: divisors.one });
}
