import { UsageError } from '../errors.ts';
import { batchDim } from '../graph/dim.ts';
import { withTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { input } from '../ops/leaf.ts';
import { deriveKey } from '../random/keys.ts';
import { buildProgram } from './build.ts';
import { runOutputs, type TensorData } from './run-outputs.ts';

/** A batch by field: values and `[samples, ...]`. */
export type BatchValues = Readonly<
  Record<string, { readonly data: TensorData | Uint8Array; readonly shape: readonly number[] }>
>;

export interface EvaluateBatchOptions {
  /** Trace as in training, where dropout and augmentation act; default true. */
  readonly training?: boolean;
  /** Of the random numbers; default 0. */
  readonly seed?: number;
  /** The step whose random numbers are drawn; default 0. */
  readonly step?: number;
}

/**
 * Computes functions of a batch in the calling thread, as a worker computes a step's: to look at augmented images, say. Models have no
 * part in it, since their parameters have values only within a run.
 *
 * @returns the outputs' values by name
 * @throws UsageError if the fields have no values, or not as many samples as each other
 */
export function evaluateBatch<F extends BatchValues, Outputs extends Readonly<Record<string, Tensor>>>(
  fn: (batch: { readonly [Name in keyof F]: Tensor }) => Outputs,
  batch: F,
  { training = true, seed = 0, step = 0 }: EvaluateBatchOptions = {},
): { readonly [Name in keyof Outputs]: TensorData } {
  const fields = Object.entries(batch);
  const samples = fields[0]?.[1].shape[0] ?? 0;
  for (const [name, { data, shape }] of fields) {
    if (shape[0] !== samples || data.length === 0 || shape.reduce((n, d) => n * d, 1) !== data.length) {
      throw new UsageError(
        `evaluateBatch: "${name}" has ${data.length} values in shape [${shape.join(', ')}]; it must be filled, with ${samples} samples as the first field.`,
      );
    }
  }
  const program = withTrace(training, () => {
    const tensors = fields.map(([name, { data, shape }]) => {
      const dtype = data instanceof Int32Array ? 'i32' : data instanceof Uint8Array ? 'u8' : 'f32';
      return [name, input(name, [batchDim(), ...shape.slice(1)], dtype)];
    });
    return buildProgram({ outputs: fn(Object.fromEntries(tensors) as { [Name in keyof F]: Tensor }) });
  });
  const unbound = program.nodes.find(({ op }) => op === 'parameter' || op === 'scalar');
  if (unbound)
    throw new UsageError(`evaluateBatch: the outputs depend on a ${unbound.op}, which has a value only within a run.`);
  const inputs = Object.fromEntries(fields.map(([name, { data }]) => [name, data]));
  return runOutputs({ program, samples, inputs, key: deriveKey(seed, 'dropout', step) }) as {
    [Name in keyof Outputs]: TensorData;
  };
}
