import { deriveKey, type JobSpec, type StepValues } from '@lockstep/core/internal';
import { type BadIndex, readBadIndex } from './bad-index.ts';
import { parameterPieces } from './pieces.ts';
import { Ring } from './ring.ts';
import type { RunImage } from './run-image.ts';
import { runGroups } from './run-state.ts';
import { slotKind } from './slot.ts';
import { type FieldView, type SlotAnswer, type SlotHeader, SlotView } from './slot-view.ts';
import { stateIn, viewState, writeState } from './state-view.ts';
import type { TrainingState } from './training-state.ts';

/** What goes into one slot of the ring. `samples` are indices in the split. */
export type SlotItem =
  | { readonly kind: 'train'; readonly step: number; readonly phase: number; readonly samples: readonly number[] }
  | { readonly kind: 'evaluate'; readonly samples: readonly number[] }
  | { readonly kind: 'snapshot' };

/** The engine's side of the run's shared memory: it fills slots, reads answers and takes snapshots. */
export class RunMemory {
  readonly memory: WebAssembly.Memory;
  readonly #image: RunImage;
  readonly #spec: JobSpec;
  readonly ring: Ring;
  readonly #slots: readonly SlotView[];

  constructor(spec: JobSpec, image: RunImage) {
    const pages = Math.ceil(image.bytes / 65536);
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#image = image;
    this.#spec = spec;
    const watched = spec.watchEvery > 0 ? parameterPieces(spec).length : 0;
    const groups = runGroups(spec).length;
    this.#slots = image.slots.map((slot) => new SlotView(this.memory.buffer, slot, spec, groups, watched));
    this.ring = new Ring(this.memory.buffer, image.control);
    for (const { address, words } of image.contents)
      new Uint32Array(this.memory.buffer, address, words.length).set(words);
  }

  get capacity(): number {
    return this.#slots.length;
  }

  /** Puts a run's state where the threads expect it, before they start. */
  load(state: TrainingState): void {
    writeState(viewState(this.memory.buffer, this.#spec, this.#image.state), state);
  }

  /** The last snapshot where it lies: to be read before the next is made. */
  snapshot(step: number): TrainingState {
    return stateIn(viewState(this.memory.buffer, this.#spec, this.#image.snapshot), step);
  }

  /** The state where it lies, once all slots are answered and nothing more is published: at the end of a run no copy is needed. */
  finalState(step: number): TrainingState {
    const { state, liveGroups } = this.#image;
    const groups = this.ring.filled > 0 ? liveGroups : state.groups;
    return stateIn(viewState(this.memory.buffer, this.#spec, { ...state, groups }), step);
  }

  /** Views of the next slot's fields for so many samples. */
  fields(samples: number): Readonly<Record<string, FieldView>> {
    return this.#slot(this.ring.filled).fields(samples);
  }

  /** Hands the next slot to the threads. Its fields are filled before. */
  publish(item: SlotItem | undefined, values: StepValues): void {
    this.#slot(this.ring.filled).write(this.#header(item), values);
    this.ring.publish();
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

  /** @see Ring.answered */
  answered(count: number, wanted = count): Promise<number> {
    return this.ring.answered(count, wanted);
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
    return new Float32Array(this.memory.buffer, address, this.#spec.layout.length);
  }

  badIndex(): BadIndex | undefined {
    return readBadIndex(this.memory.buffer, this.#image.contexts);
  }

  poison(): void {
    this.ring.poison();
  }

  #slot(index: number): SlotView {
    return this.#slots[index % this.#slots.length] as SlotView;
  }
}
