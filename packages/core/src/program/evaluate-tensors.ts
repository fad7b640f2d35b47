import { LockstepError } from '../errors.ts';
import { isSymbolic } from '../graph/dim.ts';
import { currentTrace } from '../graph/scope.ts';
import { Tensor } from '../graph/tensor.ts';
import { buildProgram } from './build.ts';
import { runOutputs, type TensorData } from './run-outputs.ts';

/**
 * Computes tensors that depend on constants only, in the calling thread: builds a small Program, plans it and replays it once on
 * a memory of its own, the same path as in training.
 *
 * @throws LockstepError inside a traced step, where values do not exist yet
 */
export function evaluateTensors(tensors: readonly Tensor[]): TensorData[] {
  if (currentTrace()) {
    throw new LockstepError(
      'data() inside a traced step: the step is a description and has no values; return what you need from it.',
    );
  }
  for (const { shape } of tensors) {
    if (shape.some(isSymbolic))
      throw new LockstepError('data() of a batch: its values exist only while a run is computing it.');
  }
  const program = buildProgram({ outputs: Object.fromEntries(tensors.map((t, i) => [String(i), t])) });
  const unbound = program.nodes.find(({ op }) => op === 'parameter' || op === 'input' || op === 'scalar');
  if (unbound)
    throw new LockstepError(`data() of something that depends on a ${unbound.op}: it has a value only within a run.`);
  const values = runOutputs({ program, samples: 1 });
  return tensors.map((_, i) => values[String(i)] as TensorData);
}

declare module '../graph/tensor.ts' {
  interface Tensor {
    /** The values, flat in row-major order. Only outside of a traced step. */
    data(): Promise<TensorData>;
    /** The single value of a tensor with one element. */
    item(): Promise<number>;
  }
}

Object.defineProperty(Tensor.prototype, 'data', {
  async value(this: Tensor) {
    return evaluateTensors([this])[0];
  },
});
Object.defineProperty(Tensor.prototype, 'item', {
  async value(this: Tensor) {
    return (evaluateTensors([this])[0] as TensorData)[0];
  },
});
