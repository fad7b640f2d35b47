import { firstFreeAddress, instantiateKernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { ArenaAllocator } from '../program/arena.ts';
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
  let end = firstFreeAddress;
  const reserve = (bytes: number): number => {
    const address = end;
    end += ArenaAllocator.round(bytes);
    return address;
  };
  const reserveAll = (sizes: Readonly<Record<string, number>>) =>
    Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, reserve(bytes)]));
  const addresses = {
    parameters: reserve(layout.length * 4),
    inputs: reserveAll(plan.inputBytes),
    scalars: reserveAll(Object.fromEntries(Object.keys(request.scalars ?? {}).map((name) => [name, 4]))),
    context: reserve(256),
    scratch: reserve(plan.scratchBytes),
    arena: reserve(plan.arenaBytes),
    results: groups.map(() => reserve(resultLayout.length * 4)),
    outputs: reserveAll(plan.outputBytes),
  };
  const tape = plan.encode(addresses);
  const tapeAt = reserve(tape.byteLength);
  const pages = Math.ceil(end / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
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
