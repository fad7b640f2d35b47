import { UsageError } from '../errors.ts';

const gains = {
  linear: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.sqrt(2),
  leakyRelu: (slope: number) => Math.sqrt(2 / (1 + slope * slope)),
  selu: () => 3 / 4,
};

export type Nonlinearity = keyof typeof gains;

/** By what a nonlinearity shrinks the standard deviation, as `torch.nn.init.calculate_gain`. `slope`: of `leakyRelu` below 0. */
export function calculateGain(nonlinearity: Nonlinearity, slope = 0.01): number {
  const gain = Object.hasOwn(gains, nonlinearity) ? gains[nonlinearity] : undefined;
  if (!gain) {
    throw new UsageError(
      `init: nonlinearity "${String(nonlinearity)}" is unknown; use one of ${Object.keys(gains).join(', ')}.`,
    );
  }
  return gain(slope);
}

/**
 * How many inputs feed an output, and how many outputs an input feeds, for a weight `[out, in, ...kernel]`.
 *
 * @throws UsageError for fewer than two dimensions
 */
export function fansOf(initializer: string, shape: readonly number[]): { fanIn: number; fanOut: number } {
  const [out, inputs, ...kernel] = shape;
  if (out === undefined || inputs === undefined) {
    throw new UsageError(
      `init.${initializer}: a parameter of shape [${shape.join(', ')}] has no fan; it takes at least two dimensions, [out, in].`,
    );
  }
  const field = kernel.reduce((n, d) => n * d, 1);
  return { fanIn: inputs * field, fanOut: out * field };
}
