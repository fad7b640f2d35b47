import {
  DataError,
  deriveKey,
  firstFreeAddress,
  instantiateKernels,
  type Kernels,
  type Plan,
  type Program,
  planProgram,
} from '@lockstep/core/internal';
import type { ModelDescription } from '../checkpoint/encode.ts';
import type { FieldValues, PredictData, Prediction } from './messages.ts';

const contextBytes = 256;
const round = (bytes: number): number => Math.max(64, Math.ceil(bytes / 64) * 64);

interface Bound {
  readonly plan: Plan;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly inputs: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, number>>;
  readonly context: number;
  readonly from: number;
  readonly to: number;
}

/** Rows of so many sizes stay planned. */
const maxBound = 4;

/** Runs the predict Program on a memory of its own, planned once for each number of rows. */
export class PredictionRunner {
  readonly #model: ModelDescription;
  readonly #program: Program;
  readonly #parameters: Float32Array;
  readonly #module: WebAssembly.Module;
  readonly #bound = new Map<number, Bound>();

  constructor({ model, parameters, kernels }: PredictData) {
    this.#module = kernels;
    this.#model = model;
    this.#program = model.predict as Program;
    this.#parameters = parameters;
  }

  run(rows: number, seed: number, values: Readonly<Record<string, FieldValues>>): Record<string, Prediction> {
    const bound = this.#bind(rows);
    const { memory, kernels } = bound;
    for (const [name, address] of Object.entries(bound.inputs)) {
      const { buffer, byteOffset, byteLength } = values[name] as FieldValues;
      new Uint8Array(memory.buffer, address, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
    }
    const context = new Int32Array(memory.buffer, bound.context, 16).fill(0);
    context.set(deriveKey(seed, 'noise'));
    kernels.run(bound.from, bound.to);
    if (context[8]) {
      const { op, path } = this.#program.nodes[context[9] as number] as Program['nodes'][number];
      throw new DataError(`predict: value ${context[11]} is out of range (${op}${path ? ` in ${path}` : ''}).`);
    }
    return Object.fromEntries(
      Object.entries(this.#program.outputs).map(([name, node]) => [name, this.#read(bound, name, node, rows)]),
    );
  }

  #read({ memory, outputs }: Bound, name: string, node: number, rows: number): Prediction {
    const { shape: sizes, dtype } = this.#program.nodes[node] as Program['nodes'][number];
    const shape = sizes.map((size) => (typeof size === 'number' ? size : size.coefficient * rows));
    const Type = dtype === 'i32' ? Int32Array : Float32Array;
    const length = shape.reduce((n, d) => n * d, 1);
    return { shape, data: new Type(memory.buffer, outputs[name] as number, length).slice() };
  }

  #bind(rows: number): Bound {
    const known = this.#bound.get(rows);
    if (known) return known;
    const oldest = this.#bound.keys().next();
    if (this.#bound.size >= maxBound && !oldest.done) this.#bound.delete(oldest.value);
    const plan = planProgram({ program: this.#program, layout: this.#model.layout, segments: [rows] });
    let end = firstFreeAddress;
    const reserve = (bytes: number): number => {
      const address = end;
      end += round(bytes);
      return address;
    };
    const reserveAll = (sizes: Readonly<Record<string, number>>) =>
      Object.fromEntries(Object.entries(sizes).map(([name, bytes]) => [name, reserve(bytes)]));
    const parameters = reserve(this.#parameters.byteLength);
    const inputs = reserveAll(plan.inputBytes);
    const outputs = reserveAll(plan.outputBytes);
    const context = reserve(contextBytes);
    const arena = reserve(plan.arenaBytes);
    const scratch = reserve(plan.scratchBytes);
    const tape = plan.encode({ parameters, inputs, scalars: {}, context, scratch, arena, results: [], outputs });
    const from = reserve(tape.byteLength);
    const pages = Math.ceil(end / 65536);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    new Float32Array(memory.buffer, parameters, this.#parameters.length).set(this.#parameters);
    new Uint32Array(memory.buffer, from, tape.length).set(tape);
    const kernels = instantiateKernels(this.#module, memory);
    const bound = { plan, memory, kernels, inputs, outputs, context, from, to: from + tape.byteLength };
    this.#bound.set(rows, bound);
    return bound;
  }
}
