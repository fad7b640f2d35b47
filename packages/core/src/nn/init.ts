import { UsageError } from '../errors.ts';
import type { RandomStream } from '../random/stream.ts';
import { calculateGain, fansOf, type Nonlinearity } from './fan.ts';

/** Fills a parameter of `shape` from a counter-based stream of its own, so that no initial value depends on another parameter. */
export type Initializer = (values: Float32Array, random: RandomStream, shape: readonly number[]) => void;

export { calculateGain, type Nonlinearity } from './fan.ts';
export { orthogonal } from './orthogonal.ts';

export const constant =
  (value: number): Initializer =>
  (values) =>
    void values.fill(value);
export const zeros = constant(0);
export const ones = constant(1);

/** Uniform in [-bound, bound). */
export const uniform =
  (bound: number): Initializer =>
  (values, random) =>
    random.fillUniform(values, -bound, bound);

export const normal =
  (std: number, mean = 0): Initializer =>
  (values, random) =>
    random.fillNormal(values, mean, std);

/** A range that holds less than about one normal number in ten thousand is taken for a mistake. */
const mostDraws = 100_000;

/**
 * Normal numbers of which those outside of [a, b] are drawn again, as `torch.nn.init.trunc_normal_`.
 *
 * @throws UsageError where a is not below b, or the range holds almost no number
 */
export function truncatedNormal(options: { mean?: number; std?: number; a?: number; b?: number } = {}): Initializer {
  const { mean = 0, std = 1, a = -2, b = 2 } = options;
  if (!(a < b)) throw new UsageError(`init.truncatedNormal: a ${a} must be below b ${b}.`);
  return (values, random) => {
    for (let i = 0; i < values.length; i++) {
      let value = Number.NaN;
      // draw d of element i has place i + d * length
      for (let place = i; !(value >= a && value <= b); place += values.length) {
        if (place >= values.length * mostDraws) {
          throw new UsageError(
            `init.truncatedNormal: [${a}, ${b}] holds almost no normal number of mean ${mean} and standard deviation ${std}.`,
          );
        }
        value = Math.fround(mean + std * random.normal(place));
      }
      values[i] = value;
    }
  };
}

/** PyTorch's default of Linear: uniform within 1 / sqrt(fanIn). */
export const fanInUniform = (fanIn: number): Initializer => uniform(1 / Math.sqrt(fanIn));

/** Glorot and Bengio 2010: uniform within gain * sqrt(6 / (fanIn + fanOut)). Fans are those of the shape `[out, in, ...kernel]`. */
export const xavierUniform =
  ({ gain = 1 }: { gain?: number } = {}): Initializer =>
  (values, random, shape) => {
    const { fanIn, fanOut } = fansOf('xavierUniform', shape);
    uniform(gain * Math.sqrt(6 / (fanIn + fanOut)))(values, random, shape);
  };

/** Glorot and Bengio 2010: normal with standard deviation gain * sqrt(2 / (fanIn + fanOut)). */
export const xavierNormal =
  ({ gain = 1 }: { gain?: number } = {}): Initializer =>
  (values, random, shape) => {
    const { fanIn, fanOut } = fansOf('xavierNormal', shape);
    normal(gain * Math.sqrt(2 / (fanIn + fanOut)))(values, random, shape);
  };

export interface KaimingOptions {
  /** Keeps the variance of activations going forward (`fanIn`, default) or of gradients going back (`fanOut`). */
  readonly mode?: 'fanIn' | 'fanOut';
  /** What follows the layer; default: `leakyRelu`, with slope `a`. */
  readonly nonlinearity?: Nonlinearity;
  /** Slope of `leakyRelu` below 0; default 0, which is ReLU. */
  readonly a?: number;
}

/** He et al. 2015: uniform within gain * sqrt(3 / fan). */
export const kaimingUniform =
  (options: KaimingOptions = {}): Initializer =>
  (values, random, shape) =>
    uniform(Math.sqrt(3) * kaimingStd('kaimingUniform', options, shape))(values, random, shape);

/** He et al. 2015: normal with standard deviation gain / sqrt(fan). */
export const kaimingNormal =
  (options: KaimingOptions = {}): Initializer =>
  (values, random, shape) =>
    normal(kaimingStd('kaimingNormal', options, shape))(values, random, shape);

function kaimingStd(name: string, options: KaimingOptions, shape: readonly number[]): number {
  const { mode = 'fanIn', nonlinearity = 'leakyRelu', a = 0 } = options;
  if (mode !== 'fanIn' && mode !== 'fanOut')
    throw new UsageError(`init.${name}: mode must be "fanIn" or "fanOut", not "${String(mode)}".`);
  return calculateGain(nonlinearity, a) / Math.sqrt(fansOf(name, shape)[mode]);
}
