import { UsageError } from '../errors.ts';
import { isSymbolic } from '../graph/dim.ts';
import { Tensor } from '../graph/tensor.ts';
import { cast } from '../ops/movement.ts';
import type { FieldSpec } from './spec.ts';

/** What an evaluation gives for each sample, and how it looks. */
export interface GatheredTensors {
  readonly outputs: Readonly<Record<string, Tensor>>;
  readonly fields: readonly FieldSpec[];
}

/** Checks that every tensor has the batch first and a fixed shape behind it. Bytes become i32. */
export function gatheredTensors(tensors: Readonly<Record<string, Tensor>>, job: string): GatheredTensors {
  const outputs: Record<string, Tensor> = {};
  const fields = Object.entries(tensors).map(([name, tensor]): FieldSpec => {
    if (!(tensor instanceof Tensor)) {
      throw new UsageError(`Job "${job}": gather must return tensors, but "${name}" is ${typeof tensor}.`);
    }
    const output = tensor.dtype === 'u8' ? cast(tensor, 'i32') : tensor;
    const [samples, ...shape] = output.shape;
    if (samples === undefined || !isSymbolic(samples) || samples.coefficient !== 1 || shape.some(isSymbolic)) {
      throw new UsageError(
        `Job "${job}": gather gives "${name}" the shape [${output.shape.join(', ')}]; it must be [batch, ...], one entry for each sample.`,
      );
    }
    outputs[name] = output;
    return { name, dtype: output.dtype, shape: shape as number[] };
  });
  return { outputs, fields };
}
