import type { ParameterLayout } from '@lockstep/core/internal';

export interface OuterOptions {
  readonly learningRate: number;
  readonly momentum: number;
}

/**
 * Runs of some thousand steps have some tens of rounds. Douillard et al. 2023, "DiLoCo", take 0.7 and 0.9 for runs of some thousand rounds that begin with a
 * trained model; a momentum of 0.9 takes ten rounds to come to its speed, and as many to lose it (docs/performance.md).
 */
export const outerDefaults: OuterOptions = { learningRate: 1, momentum: 0.8 };

/**
 * The outer step of local training: replicas have each gone their way for some steps, and the mean of their ways is taken for a gradient,
 * by SGD with Nesterov momentum as in PyTorch: v = momentum v + d, w = w - learningRate (d + momentum v). Buffers, which are averages
 * already, take the mean of the replicas' own.
 *
 * @param parameters changed in place, `[layout.length]`
 * @param velocity changed in place, `[layout.length]`
 * @param ways sum over all replicas of start minus end, `[layout.length]` or longer
 */
export function outerStep(
  parameters: Float32Array,
  velocity: Float32Array,
  ways: Float32Array,
  replicas: number,
  { trained, length }: Pick<ParameterLayout, 'trained' | 'length'>,
  { learningRate, momentum }: OuterOptions,
): void {
  // Doubles throughout, rounded to f32 where they are stored: IEEE 754 leaves no choice.
  for (let i = 0; i < trained; i++) {
    const way = (ways[i] as number) / replicas;
    const v = Math.fround(momentum * (velocity[i] as number) + way);
    velocity[i] = v;
    parameters[i] = (parameters[i] as number) - learningRate * (way + momentum * v);
  }
  for (let i = trained; i < length; i++) parameters[i] = (parameters[i] as number) - (ways[i] as number) / replicas;
}
