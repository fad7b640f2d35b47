import { type TrainOptions, train } from './train.ts';

/**
 * A job's metrics on its test split with given weights: a run of no steps.
 *
 * @param weights a run, a checkpoint or a .safetensors file
 */
export async function evaluateRun(
  job: string,
  weights: string,
  options: TrainOptions = {},
): Promise<Readonly<Record<string, number>>> {
  const run = train(job, { ...options, out: null, initialWeights: weights, evaluateOnly: true });
  const { metrics, model } = await run.done;
  await model.close();
  return metrics;
}
