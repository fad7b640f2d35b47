import { UsageError } from '../errors.ts';
import { firstFreeAddress, instantiateKernels, type Kernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { advance, freshGroupState, hyperLength, stateVectors, writeHyper } from '../optim/hyper.ts';
import type { OptimizerSpec } from '../optim/optimizer-spec.ts';
import type { Optimizer } from '../optim/optimizers.ts';
import { evaluateSchedule, type Schedule } from '../optim/schedules.ts';
import { ArenaAllocator } from './arena.ts';
import { layoutOf, type ParameterLayout } from './layout.ts';
import { TapeWriter } from './tape-writer.ts';

export interface NamedValues {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
}

/** An optimizer used by hand, without a trainer: `step(gradients)` changes `values`. The same kernels as in training. */
export class ManualOptimizer {
  /** Current values by name: views that `step` changes. */
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly #layout: ParameterLayout;
  readonly #spec: OptimizerSpec;
  readonly #schedules: readonly Schedule[];
  readonly #states;
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  readonly #gradients: Float32Array;
  readonly #hypers: readonly Float32Array[];
  readonly #tape: { readonly from: number; readonly to: number };
  #step = 0;

  constructor(optimizer: Optimizer, parameters: NamedValues) {
    const entries = Object.entries(parameters).map(([name, { shape }]) => ({ name, shape }));
    this.#layout = layoutOf(entries);
    const { spec, schedules } = optimizer.resolve(entries);
    this.#spec = spec;
    this.#schedules = schedules;
    this.#states = spec.groups.map(freshGroupState);

    let end = firstFreeAddress;
    const reserve = (bytes: number): number => {
      const address = end;
      end += ArenaAllocator.round(bytes);
      return address;
    };
    const bytes = this.#layout.length * 4;
    const [weights, gradients] = [reserve(bytes), reserve(bytes)];
    const vectors = stateVectors(spec).map(() => reserve(bytes));
    const hypers = spec.groups.map(() => reserve(hyperLength * 4));
    const writer = new TapeWriter();
    spec.groups.forEach((group, g) => {
      for (const { name, offset, size } of this.#layout.entries) {
        if (!group.parameters.includes(name)) continue;
        writeUpdate(writer, spec, { weights, gradients, vectors, hyper: hypers[g] as number }, g, offset * 4, size);
      }
    });
    const tape = writer.finish();
    const tapeAt = reserve(tape.byteLength);
    const pages = Math.ceil(end / 65536);
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    const floats = (address: number, length: number) => new Float32Array(this.#memory.buffer, address, length);
    new Uint32Array(this.#memory.buffer, tapeAt, tape.length).set(tape);
    this.#tape = { from: tapeAt, to: tapeAt + tape.byteLength };
    this.#gradients = floats(gradients, this.#layout.length);
    this.#hypers = hypers.map((address) => floats(address, hyperLength));
    this.#kernels = instantiateKernels(loadKernelModule().module, this.#memory);
    this.values = Object.fromEntries(
      this.#layout.entries.map(({ name, offset, size }) => [name, floats(weights + offset * 4, size)]),
    );
    for (const [name, { data }] of Object.entries(parameters)) this.values[name]?.set(data);
  }

  /** One update from the gradients of the mean loss, by name. @throws UsageError where one is missing or of another size */
  step(gradients: Readonly<Record<string, ArrayLike<number>>>): void {
    for (const { name, offset, size } of this.#layout.entries) {
      const gradient = gradients[name];
      if (gradient?.length !== size) {
        throw new UsageError(
          `ManualOptimizer: the gradient of "${name}" must have ${size} values, not ${gradient?.length ?? 'none'}.`,
        );
      }
      this.#gradients.set(gradient, offset);
    }
    this.#states.forEach((state, g) => {
      advance(state, this.#spec, g);
      const lr = evaluateSchedule(this.#schedules[g] as Schedule, this.#step, Number.MAX_SAFE_INTEGER);
      writeHyper(this.#hypers[g] as Float32Array, this.#spec, g, state, lr, 1);
    });
    this.#kernels.run(this.#tape.from, this.#tape.to);
    this.#step++;
  }
}

/** Byte addresses of the flat vectors that an update touches. */
export interface UpdateAddresses {
  readonly weights: number;
  readonly gradients: number;
  /** In the order of `stateVectors`. */
  readonly vectors: readonly number[];
  readonly hyper: number;
}

/** The instruction that updates `size` elements at byte `offset` with the options of a group. */
export function writeUpdate(
  writer: TapeWriter,
  spec: OptimizerSpec,
  at: UpdateAddresses,
  group: number,
  offset: number,
  size: number,
): void {
  const [first = 0, second = 0] = at.vectors.map((vector) => vector + offset);
  if (spec.kind !== 'sgd') {
    writer.kernel('adamw', at.weights + offset, at.gradients + offset, first, second, size, at.hyper);
    return;
  }
  const buffer = spec.groups[group]?.momentum === 0 ? 0 : first;
  writer.kernel('sgd', at.weights + offset, at.gradients + offset, buffer, size, at.hyper);
}
