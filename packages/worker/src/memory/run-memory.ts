import { deriveKey, freshGroupState, type JobSpec, type StepValues } from '@lockstep/core/internal';
import { poison } from '../barrier.ts';
import { controlBytes, controlWord } from '../control-block.ts';
import { parameterPieces } from './pieces.ts';
import type { RunImage, StateAddresses } from './run-image.ts';
import { emaVector, runVectors } from './run-state.ts';
import { type Slot, slotKind, slotWord } from './slot.ts';
import type { TrainingState } from './training-state.ts';

/** What goes into one slot of the ring. `samples` are indices in the split. */
export type SlotItem =
  | { readonly kind: 'train'; readonly step: number; readonly phase: number; readonly samples: readonly number[] }
  | { readonly kind: 'evaluate'; readonly samples: readonly number[] }
  | { readonly kind: 'snapshot' };

type FieldView = Float32Array | Int32Array | Uint8Array;

/** What the threads answer about a slot. */
export interface SlotAnswer {
  readonly status: number;
  /** Sums and weights of loss and metrics, in turn. */
  readonly statistics: Float32Array;
  readonly gradientNorm: number;
  readonly penalty: number;
  /** Sum of squares of each trained parameter's gradient sum, in layout order; empty where layers are not watched. A view. */
  readonly gradientSquares: Float64Array;
  readonly digest: string;
}

/** The engine's side of the run's shared memory: it fills slots, reads answers and takes snapshots. */
export class RunMemory {
  readonly memory: WebAssembly.Memory;
  readonly #image: RunImage;
  readonly #spec: JobSpec;
  readonly #control: Int32Array;
  readonly #watched: number;
  #filled = 0;

  constructor(spec: JobSpec, image: RunImage) {
    const pages = Math.ceil(image.bytes / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#image = image;
    this.#spec = spec;
    this.#watched = spec.watchEvery > 0 ? parameterPieces(spec).length : 0;
    this.#control = new Int32Array(this.memory.buffer, image.control, controlBytes / 4);
    for (const { address, words } of image.contents)
      new Uint32Array(this.memory.buffer, address, words.length).set(words);
  }

  get capacity(): number {
    return this.#image.slots.length;
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
  fields(samples: number): Record<string, FieldView> {
    const slot = this.#slot(this.#filled);
    return Object.fromEntries(
      this.#spec.fields.map(({ name, dtype, shape }) => {
        const Type = { f32: Float32Array, i32: Int32Array, u8: Uint8Array }[dtype];
        return [
          name,
          new Type(
            this.memory.buffer,
            slot.inputs[name] as number,
            shape.reduce((n, d) => n * d, samples),
          ),
        ];
      }),
    );
  }

  /** Hands the next slot to the threads. Its fields are filled before. */
  publish(item: SlotItem | undefined, values: StepValues): void {
    const slot = this.#slot(this.#filled);
    const header = new Int32Array(this.memory.buffer, slot.header, 16);
    header[slotWord.kind] = item === undefined ? slotKind.stop : slotKind[item.kind];
    if (item?.kind === 'train') {
      header[slotWord.binding] = this.#image.trainBatches.indexOf(item.samples.length);
      header[slotWord.phase] = item.phase;
      this.#setKey(header, deriveKey(this.#spec.seed, 'dropout', item.step, item.phase));
    }
    if (item?.kind === 'evaluate') {
      header[slotWord.binding] = this.#image.evaluateBatches.indexOf(item.samples.length);
      // The same noise at every evaluation, other noise for every batch.
      this.#setKey(header, deriveKey(this.#spec.seed, 'noise', item.samples[0]));
    }
    this.#doubles(slot.learningRates, values.learningRates.length).set(values.learningRates);
    this.#spec.scalars.forEach((name, i) => {
      this.#floats(slot.scalars[name] as number, 1)[0] = values.scalars[i] as number;
    });
    this.#filled++;
    Atomics.add(this.#control, controlWord.filled, 1);
    Atomics.notify(this.#control, controlWord.filled);
  }

  #setKey(header: Int32Array, [key0, key1]: readonly [number, number]): void {
    header[slotWord.key0] = key0 | 0;
    header[slotWord.key1] = key1 | 0;
  }

  /** Resolves once `count` slots are answered; false where the threads gave up. */
  async answered(count: number): Promise<boolean> {
    for (;;) {
      if (Atomics.load(this.#control, controlWord.poisoned) !== 0) return false;
      const drained = Atomics.load(this.#control, controlWord.drained);
      if (drained >= count) return true;
      const wait = Atomics.waitAsync(this.#control, controlWord.drained, drained);
      if (wait.async) await wait.value;
    }
  }

  /** The answer to slot number `index`, counted from 0. */
  answer(index: number, statistics: number): SlotAnswer {
    const slot = this.#slot(index);
    const digest = new Uint32Array(this.memory.buffer, slot.digest, 4);
    return {
      status: new Int32Array(this.memory.buffer, slot.header, 16)[slotWord.status] as number,
      statistics: this.#floats(slot.statistics, statistics).slice(),
      gradientNorm: this.#doubles(slot.record, 1)[0] as number,
      penalty: this.#doubles(slot.penalty, 1)[0] as number,
      gradientSquares: this.#doubles(slot.gradientSquares, this.#watched),
      digest: Array.from(digest, (word) => word.toString(16).padStart(8, '0')).join(''),
    };
  }

  /** What the evaluation in slot number `index` gave for each of its samples; views. */
  gathered(index: number, samples: number): Record<string, Float32Array | Int32Array> {
    const slot = this.#slot(index);
    return Object.fromEntries(
      this.#spec.gathered.map(({ name, dtype, shape }) => {
        const Type = dtype === 'i32' ? Int32Array : Float32Array;
        const length = shape.reduce((n, d) => n * d, samples);
        return [name, new Type(this.memory.buffer, slot.gathered[name] as number, length)];
      }),
    );
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

  #slot(index: number): Slot {
    return this.#image.slots[index % this.#image.slots.length] as Slot;
  }

  #floats(address: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, length);
  }

  #doubles(address: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, address, length);
  }
}
