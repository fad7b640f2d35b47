import { LockstepError } from '../errors.ts';
import { bindShape, isSymbolic } from '../graph/dim.ts';
import { currentTrace } from '../graph/scope.ts';
import { Tensor } from '../graph/tensor.ts';
import { firstFreeAddress, instantiateKernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { describeBrokenRule } from '../ops/check-values.ts';
import { ArenaAllocator } from './arena.ts';
import { buildProgram } from './build.ts';
import { planProgram } from './plan-program.ts';
import type { ProgramNode } from './program.ts';

export type TensorData = Float32Array | Int32Array;

const contextBytes = 256;
const noLayout = { entries: [], trained: 0, length: 0 };

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
  const plan = planProgram({ program, layout: noLayout, segments: [1] });

  let end = firstFreeAddress;
  const reserve = (bytes: number): number => {
    const address = end;
    end += ArenaAllocator.round(bytes);
    return address;
  };
  const context = reserve(contextBytes);
  const arena = reserve(plan.arenaBytes);
  const scratch = reserve(plan.scratchBytes);
  const outputs = Object.fromEntries(Object.entries(plan.outputBytes).map(([name, bytes]) => [name, reserve(bytes)]));
  const tape = plan.encode({ parameters: 0, inputs: {}, scalars: {}, context, scratch, arena, results: [], outputs });
  const tapeAddress = reserve(tape.byteLength);

  const pages = Math.ceil(end / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const kernels = instantiateKernels(loadKernelModule().module, memory);
  new Uint32Array(memory.buffer, tapeAddress, tape.length).set(tape);
  kernels.run(tapeAddress, tapeAddress + tape.byteLength);

  const flag = new Int32Array(memory.buffer, context, 12);
  if (flag[8]) {
    const { op, path, attributes } = program.nodes[flag[9] as number] as ProgramNode;
    if (flag[8] === 2) {
      const value = new Float32Array(memory.buffer, context, 12)[11] as number;
      throw new LockstepError(
        `${path ? `${path}: ` : ''}${describeBrokenRule(attributes, value)} (element ${flag[10]}).`,
      );
    }
    const noun = (attributes.roles as readonly string[] | undefined)?.includes('lengths') ? 'length' : 'index';
    throw new LockstepError(
      `${op}${path ? ` in ${path}` : ''}: ${noun} ${flag[11]} at row ${flag[10]} is out of range.`,
    );
  }
  return tensors.map((tensor, i) => {
    const length = bindShape(tensor.shape, {}).reduce((n, d) => n * d, 1);
    const Type = tensor.dtype === 'i32' ? Int32Array : Float32Array;
    return new Type(memory.buffer, outputs[String(i)] as number, length).slice();
  });
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
