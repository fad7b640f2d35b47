import { deriveKey, freshGroupState, type JobSpec, type StepValues } from '@lockstep/core/internal';
import { poison } from '../barrier.ts';
import { controlBytes, controlWord } from '../control-block.ts';
import { parameterPieces } from './pieces.ts';
import type { RunImage, StateAddresses } from './run-image.ts';
import { emaVector, runGroups, runVectors } from './run-state.ts';
import { slotKind } from './slot.ts';
import { type FieldView, type SlotAnswer, type SlotHeader, SlotView } from './slot-view.ts';
import type { TrainingState } from './training-state.ts';

/** What goes into one slot of the ring. `samples` are indices in the split. */
export type SlotItem =
  | { readonly kind: 'train'; readonly step: number; readonly phase: number; readonly samples: readonly number[] }
  | { readonly kind: 'evaluate'; readonly samples: readonly number[] }
  | { readonly kind: 'snapshot' };

/** While steps are slow, their events come no later than this. */
const longestWaitMs = 20;

/** The engine's side of the run's shared memory: it fills slots, reads answers and takes snapshots. */
export class RunMemory {
  readonly memory: WebAssembly.Memory;
  readonly #image: RunImage;
  readonly #spec: JobSpec;
  readonly #control: Int32Array;
  readonly #slots: readonly SlotView[];
  #filled = 0;

  constructor(spec: JobSpec, image: RunImage) {
    const pages = Math.ceil(image.bytes / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#image = image;
    this.#spec = spec;
    const watched = spec.watchEvery > 0 ? parameterPieces(spec).length : 0;
    const groups = runGroups(spec).length;
    this.#slots = image.slots.map((slot) => new SlotView(this.memory.buffer, slot, spec, groups, watched));
    this.#control = new Int32Array(this.memory.buffer, image.control, controlBytes / 4);
    for (const { address, words } of image.contents)
      new Uint32Array(this.memory.buffer, address, words.length).set(words);
  }

  get capacity(): number {
    return this.#slots.length;
  }

  /** Puts a run's state where the threads expect it, before they start. */
  load(state: TrainingState): void {
    const { parameters, vectors, groups } = this.#image.state;
    this.#floats(parameters, state.parameters.length).set(state.parameters);
    runVectors(this.#spec).forEach((name, i) => {
      const values = state.optimizer[name] ?? (name === emaVector ? state.parameters : undefined);
      if (values) this.#floats(vectors[i] as number, values.length).set(values);
    });
    groups.forEach((address, g) => {
      this.#doubles(address, 3).set(state.counters[`group.${g}`] ?? freshGroupState);
    });
  }

  /** Copies of the last snapshot. */
  snapshot(step: number): TrainingState {
    const { parameters, vectors, groups }: StateAddresses = this.#image.snapshot;
    const { length } = this.#spec.layout;
    return {
      step,
      parameters: this.#floats(parameters, length).slice(),
      optimizer: Object.fromEntries(
        runVectors(this.#spec).map((name, i) => [name, this.#floats(vectors[i] as number, length).slice()]),
      ),
      counters: Object.fromEntries(groups.map((address, g) => [`group.${g}`, [...this.#doubles(address, 3)]])),
    };
  }

  /** Views of the next slot's fields for so many samples. */
  fields(samples: number): Readonly<Record<string, FieldView>> {
    return this.#slot(this.#filled).fields(samples);
  }

  /** Hands the next slot to the threads. Its fields are filled before. */
  publish(item: SlotItem | undefined, values: StepValues): void {
    this.#slot(this.#filled).write(this.#header(item), values);
    this.#filled++;
    Atomics.add(this.#control, controlWord.filled, 1);
    Atomics.notify(this.#control, controlWord.filled);
  }

  #header(item: SlotItem | undefined): SlotHeader {
    const { seed } = this.#spec;
    switch (item?.kind) {
      case 'train': {
        const { step, phase, samples } = item;
        const binding = this.#image.trainBatches.indexOf(samples.length);
        return { kind: slotKind.train, phase, binding, key: deriveKey(seed, 'dropout', step, phase) };
      }
      case 'evaluate': {
        const binding = this.#image.evaluateBatches.indexOf(item.samples.length);
        // The same noise at every evaluation, other noise for every batch.
        return { kind: slotKind.evaluate, binding, key: deriveKey(seed, 'noise', item.samples[0]) };
      }
      case 'snapshot':
        return { kind: slotKind.snapshot };
      default:
        return { kind: slotKind.stop };
    }
  }

  /**
   * Waits until `wanted` slots are answered, or at least `count` and some time has gone by: more of them at once cost fewer wake-ups.
   *
   * @returns how many are answered; -1 where the threads gave up
   */
  async answered(count: number, wanted = count): Promise<number> {
    const control = this.#control;
    Atomics.store(control, controlWord.wanted, wanted);
    for (let waited = false; ; waited = true) {
      if (Atomics.load(control, controlWord.poisoned) !== 0) return -1;
      const drained = Atomics.load(control, controlWord.drained);
      if (drained >= (waited ? count : wanted)) return drained;
      const wait = Atomics.waitAsync(control, controlWord.drained, drained, wanted > count ? longestWaitMs : undefined);
      if (wait.async) await wait.value;
    }
  }

  /** The answer to slot number `index`, counted from 0. */
  answer(index: number, statistics: number): SlotAnswer {
    return this.#slot(index).answer(statistics);
  }

  /** What the evaluation in slot number `index` gave for each of its samples; views. */
  gathered(index: number, samples: number): Readonly<Record<string, Float32Array | Int32Array>> {
    return this.#slot(index).gathered(samples) as Readonly<Record<string, Float32Array | Int32Array>>;
  }

  /** Gradient sums of the last step of a batch size. */
  gradients(samples: number): Float32Array {
    const address = this.#image.gradients[this.#image.trainBatches.indexOf(samples)] as number;
    return this.#floats(address, this.#spec.layout.length);
  }

  /** What a thread noted of an index out of range or a value that breaks a rule: node, row, value and position of the run's first sample. */
  badIndex(): { node: number; row: number; value: number; position: number } | undefined {
    for (const context of this.#image.contexts) {
      const words = new Int32Array(this.memory.buffer, context, 16);
      if (words[8]) {
        const isFloat = words[8] === 2;
        return {
          node: words[9] as number,
          row: words[10] as number,
          value: isFloat ? (new Float32Array(words.buffer, context, 16)[11] as number) : (words[11] as number),
          position: words[12] as number,
        };
      }
    }
    return undefined;
  }

  poison(): void {
    poison(this.#control);
  }

  #slot(index: number): SlotView {
    return this.#slots[index % this.#slots.length] as SlotView;
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  #doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }
}
