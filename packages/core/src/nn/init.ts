import type { RandomStream } from '../random/stream.ts';

/** Fills a parameter from a counter-based stream of its own, so that no initial value depends on another parameter. */
export type Initializer = (values: Float32Array, random: RandomStream) => void;

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

/** PyTorch's default of Linear: uniform within 1 / sqrt(fanIn). */
export const fanInUniform = (fanIn: number): Initializer => uniform(1 / Math.sqrt(fanIn));

/** Glorot and Bengio 2010: uniform within gain * sqrt(6 / (fanIn + fanOut)). */
export const xavierUniform = (fanIn: number, fanOut: number, gain = 1): Initializer =>
  uniform(gain * Math.sqrt(6 / (fanIn + fanOut)));

/** He et al. 2015, for ReLU: normal with standard deviation sqrt(2 / fanIn). */
export const kaimingNormal = (fanIn: number): Initializer => normal(Math.sqrt(2 / fanIn));
