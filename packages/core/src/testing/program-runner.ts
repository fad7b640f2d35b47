import { instantiateKernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { AddressSpace } from '../program/address-space.ts';
import { type ParameterLayout, resultLayoutOf } from '../program/layout.ts';
import { planProgram } from '../program/plan-program.ts';
import type { Program } from '../program/program.ts';
import { deriveKey } from '../random/keys.ts';

export interface RunRequest {
  readonly program: Program;
  readonly layout: ParameterLayout;
  readonly parameters: Float32Array;
  /** Samples of each shard of the run. */
  readonly segments: readonly number[];
  /** Shards of each result vector; default: all share one. */
  readonly groups?: readonly number[];
  /** Values of all samples by field. */
  readonly inputs: Readonly<Record<string, Float32Array | Int32Array | Uint8Array>>;
  readonly scalars?: Readonly<Record<string, number>>;
  /** Position of the first sample in the global batch. */
  readonly position?: number;
  readonly widen?: boolean;
}

/** Runs a Program once on a memory of its own and returns the result vectors (gradients, then statistics). For tests. */
export function runOnce(request: RunRequest): { results: Float32Array[]; outputs: Record<string, Float32Array> } {
  const { program, layout, segments, groups = [segments.length] } = request;
  const plan = planProgram({ program, layout, segments, groups });
  const resultLayout = resultLayoutOf(
    Object.keys(program.gradients).length > 0 ? layout : undefined,
    program.statistics.map(({ name }) => name),
  );
  const space = new AddressSpace();
  const addresses = {
    parameters: space.reserve(layout.length * 4),
    inputs: space.reserveAll(plan.inputBytes),
    scalars: space.reserveAll(Object.fromEntries(Object.keys(request.scalars ?? {}).map((name) => [name, 4]))),
    context: space.reserve(256),
    scratch: space.reserve(plan.scratchBytes),
    arena: space.reserve(plan.arenaBytes),
    results: groups.map(() => space.reserve(resultLayout.length * 4)),
    outputs: space.reserveAll(plan.outputBytes),
  };
  const tape = plan.encode(addresses);
  const tapeAt = space.reserve(tape.byteLength);
  const memory = space.createMemory();
  const floats = (address: number, length: number) => new Float32Array(memory.buffer, address, length);

  floats(addresses.parameters, layout.length).set(request.parameters);
  for (const [name, address] of Object.entries(addresses.inputs)) {
    const values = request.inputs[name] as Float32Array;
    new Uint8Array(memory.buffer, address).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  for (const [name, address] of Object.entries(addresses.scalars)) floats(address, 1)[0] = request.scalars?.[name] ?? 0;
  new Uint32Array(memory.buffer, addresses.context, 3).set([...deriveKey(5, 'dropout'), request.position ?? 0]);
  new Uint32Array(memory.buffer, tapeAt, tape.length).set(tape);
  instantiateKernels(loadKernelModule({ widen: request.widen ?? true }).module, memory).run(
    tapeAt,
    tapeAt + tape.byteLength,
  );
  const outputs = Object.entries(plan.outputBytes).map(([name, bytes]) => [
    name,
    floats(addresses.outputs[name] as number, bytes / 4).slice(),
  ]);
  const results = addresses.results.map((address) => floats(address, resultLayout.length).slice());
  return { results, outputs: Object.fromEntries(outputs) };
}
