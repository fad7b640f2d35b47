import { LockstepError } from '../errors.ts';
import { bindShape } from '../graph/dim.ts';
import { instantiateKernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { describeBrokenRule } from '../ops/check-values.ts';
import { shapeFrom } from '../ops/shape-data.ts';
import type { Key } from '../random/keys.ts';
import { AddressSpace } from './address-space.ts';
import { planProgram } from './plan-program.ts';
import type { Program, ProgramNode } from './program.ts';

export type TensorData = Float32Array | Int32Array;

export interface OutputsRequest {
  /** Without parameters and scalars. */
  readonly program: Program;
  readonly samples: number;
  /** Values of all samples by field. */
  readonly inputs?: Readonly<Record<string, TensorData | Uint8Array>>;
  /** Of its random ops. */
  readonly key?: Key;
}

const contextBytes = 256;
const noLayout = { entries: [], trained: 0, length: 0 };

/**
 * Plans a Program and replays it once in the calling thread, on a memory of its own: the outputs by name.
 *
 * @throws LockstepError if an index of an embedding or a label is out of range, or a checked value breaks its rule
 */
export function runOutputs({
  program,
  samples,
  inputs = {},
  key = [0, 0],
}: OutputsRequest): Record<string, TensorData> {
  const plan = planProgram({ program, layout: noLayout, segments: [samples] });
  const space = new AddressSpace();
  const addresses = {
    parameters: 0,
    scalars: {},
    results: [],
    inputs: space.reserveAll(plan.inputBytes),
    context: space.reserve(contextBytes),
    arena: space.reserve(plan.arenaBytes),
    scratch: space.reserve(plan.scratchBytes),
    outputs: space.reserveAll(plan.outputBytes),
  };
  const tape = plan.encode(addresses);
  const tapeAddress = space.reserve(tape.byteLength);

  const memory = space.createMemory();
  const kernels = instantiateKernels(loadKernelModule().module, memory);
  for (const [name, address] of Object.entries(addresses.inputs)) {
    const values = inputs[name] as TensorData | Uint8Array;
    new Uint8Array(memory.buffer, address).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  new Uint32Array(memory.buffer, addresses.context, 2).set(key);
  new Uint32Array(memory.buffer, tapeAddress, tape.length).set(tape);
  kernels.run(tapeAddress, tapeAddress + tape.byteLength);

  const flag = new Int32Array(memory.buffer, addresses.context, 12);
  if (flag[8]) {
    const { op, path, attributes } = program.nodes[flag[9] as number] as ProgramNode;
    if (flag[8] === 2) {
      const value = new Float32Array(memory.buffer, addresses.context, 12)[11] as number;
      throw new LockstepError(
        `${path ? `${path}: ` : ''}${describeBrokenRule(attributes, value)} (element ${flag[10]}).`,
      );
    }
    const noun = (attributes.roles as readonly string[] | undefined)?.includes('lengths') ? 'length' : 'index';
    throw new LockstepError(
      `${op}${path ? ` in ${path}` : ''}: ${noun} ${flag[11]} at row ${flag[10]} is out of range.`,
    );
  }
  const outputs = Object.entries(program.outputs).map(([name, index]) => {
    const { shape, dtype } = program.nodes[index] as ProgramNode;
    const length = bindShape(shapeFrom(shape), { batch: samples }).reduce((n, d) => n * d, 1);
    const Type = dtype === 'i32' ? Int32Array : Float32Array;
    return [name, new Type(memory.buffer, addresses.outputs[name] as number, length).slice()];
  });
  return Object.fromEntries(outputs);
}
