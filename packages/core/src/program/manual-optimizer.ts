import { UsageError } from '../errors.ts';
import { instantiateKernels, type Kernels } from '../kernels/instance.ts';
import { loadKernelModule } from '../kernels/loader.ts';
import { stateVectors } from '../optim/optimizer-spec.ts';
import type { Optimizer } from '../optim/optimizers.ts';
import { evaluateSchedule, followsEvaluations, type Schedule } from '../optim/schedule.ts';
import { AddressSpace } from './address-space.ts';
import { layoutOf, type ParameterLayout } from './layout.ts';
import { TapeWriter } from './tape-writer.ts';
import { freshGroupState, hyperConstants, hyperLength, writeHyper, writeUpdate } from './update-tape.ts';

export interface NamedValues {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: ArrayLike<number> };
}

/** An optimizer used by hand, without a trainer: `step(gradients)` changes `values`. The same kernels as in training. */
export class ManualOptimizer {
  /** Current values by name: views that `step` changes. */
  readonly values: Readonly<Record<string, Float32Array>>;
  readonly #layout: ParameterLayout;
  readonly #schedules: readonly Schedule[];
  readonly #kernels: Kernels;
  readonly #memory: WebAssembly.Memory;
  readonly #gradients: Float32Array;
  readonly #rates: Float64Array;
  readonly #tape: { readonly from: number; readonly to: number };
  #step = 0;

  constructor(optimizer: Optimizer, parameters: NamedValues) {
    const entries = Object.entries(parameters).map(([name, { shape }]) => ({ name, shape }));
    this.#layout = layoutOf(entries);
    const { spec, schedules } = optimizer.resolve(entries);
    if (schedules.some(followsEvaluations)) {
      throw new UsageError('ManualOptimizer: reduceOnPlateau needs the evaluations of a run; give another lr.');
    }
    this.#schedules = schedules;

    const space = new AddressSpace();
    const bytes = this.#layout.length * 4;
    const [weights, gradients] = [space.reserve(bytes), space.reserve(bytes)];
    const vectors = stateVectors(spec).map(() => space.reserve(bytes));
    const record = space.reserve(16);
    const rates = space.reserve(spec.groups.length * 8);
    const groups = spec.groups.map((_, g) => ({ constants: hyperConstants(spec, g), state: space.reserve(24) }));
    const writer = new TapeWriter();
    const filled = groups.map(({ constants, state }, g) => {
      const at = { block: space.reserve(hyperLength * 4), state, constants: space.reserve(constants.length * 8) };
      writeHyper(writer, spec, g, { ...at, rate: rates + g * 8, record });
      for (const { name, offset, size } of this.#layout.entries) {
        if (!spec.groups[g]?.parameters.includes(name)) continue;
        writeUpdate(writer, spec, { weights, gradients, vectors, hyper: at.block }, g, offset * 4, size);
      }
      return [
        { address: state, values: freshGroupState },
        { address: at.constants, values: constants },
      ];
    });
    const tape = writer.finish();
    const tapeAt = space.reserve(tape.byteLength);
    this.#memory = space.createMemory();
    const floats = (address: number, length: number) => new Float32Array(this.#memory.buffer, address, length);
    new Uint32Array(this.#memory.buffer, tapeAt, tape.length).set(tape);
    this.#tape = { from: tapeAt, to: tapeAt + tape.byteLength };
    this.#gradients = floats(gradients, this.#layout.length);
    const doubles = (address: number, length: number) => new Float64Array(this.#memory.buffer, address, length);
    for (const { address, values } of filled.flat()) doubles(address, values.length).set(values);
    floats(record, 4)[2] = 1;
    this.#rates = doubles(rates, spec.groups.length);
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
    this.#schedules.forEach((schedule, g) => {
      this.#rates[g] = evaluateSchedule(schedule, this.#step, Number.MAX_SAFE_INTEGER);
    });
    this.#kernels.run(this.#tape.from, this.#tape.to);
    this.#step++;
  }
}
