import type { FieldSpec, JobSpec, StepValues } from '@lockstep/core/internal';
import { type Slot, type SlotKind, slotWord } from './slot.ts';

export type FieldView = Float32Array | Int32Array | Uint8Array;

/** What the threads answer about a slot. Arrays are views: they hold until the slot is filled again. */
export interface SlotAnswer {
  readonly status: number;
  /** Sums and weights of loss and metrics, in turn. */
  readonly statistics: Float32Array;
  readonly gradientNorm: number;
  readonly penalty: number;
  /** Sum of squares of each trained parameter's gradient sum, in layout order; empty where layers are not watched. */
  readonly gradientSquares: Float64Array;
  readonly digest: string;
}

/** What a slot says beside its batch. */
export interface SlotHeader {
  readonly kind: SlotKind;
  readonly binding?: number;
  readonly phase?: number;
  readonly key?: readonly [number, number];
}

const arrayOf = { f32: Float32Array, i32: Int32Array, u8: Uint8Array } as const;

/** A slot of the ring as the engine sees it. Views are made once: a run of small steps fills tens of thousands a second. */
export class SlotView {
  readonly #spec: JobSpec;
  readonly #buffer: ArrayBuffer;
  readonly #slot: Slot;
  readonly #header: Int32Array;
  readonly #rates: Float64Array;
  readonly #scalars: readonly Float32Array[];
  readonly #record: Float64Array;
  readonly #penalty: Float64Array;
  readonly #gradientSquares: Float64Array;
  readonly #digest: Uint32Array;
  /** By number of samples, or of statistics. */
  readonly #fields = new Map<number, Readonly<Record<string, FieldView>>>();
  readonly #gathered = new Map<number, Readonly<Record<string, FieldView>>>();
  readonly #statistics = new Map<number, Float32Array>();

  constructor(buffer: ArrayBuffer, slot: Slot, spec: JobSpec, groups: number, watched: number) {
    this.#spec = spec;
    this.#buffer = buffer;
    this.#slot = slot;
    this.#header = new Int32Array(buffer, slot.header, 16);
    this.#rates = new Float64Array(buffer, slot.learningRates, groups);
    this.#scalars = spec.scalars.map((name) => new Float32Array(buffer, slot.scalars[name] as number, 1));
    this.#record = new Float64Array(buffer, slot.record, 1);
    this.#penalty = new Float64Array(buffer, slot.penalty, 1);
    this.#gradientSquares = new Float64Array(buffer, slot.gradientSquares, watched);
    this.#digest = new Uint32Array(buffer, slot.digest, 4);
  }

  /** The batch's fields for so many samples. */
  fields(samples: number): Readonly<Record<string, FieldView>> {
    return kept(this.#fields, samples, () => this.#views(this.#spec.fields, this.#slot.inputs, samples));
  }

  /** What an evaluation gave for each of so many samples. */
  gathered(samples: number): Readonly<Record<string, FieldView>> {
    return kept(this.#gathered, samples, () => this.#views(this.#spec.gathered, this.#slot.gathered, samples));
  }

  write({ kind, binding, phase, key }: SlotHeader, { learningRates, scalars }: StepValues): void {
    const header = this.#header;
    header[slotWord.kind] = kind;
    if (binding !== undefined) header[slotWord.binding] = binding;
    if (phase !== undefined) header[slotWord.phase] = phase;
    if (key !== undefined) {
      header[slotWord.key0] = key[0] | 0;
      header[slotWord.key1] = key[1] | 0;
    }
    this.#rates.set(learningRates);
    for (let i = 0; i < scalars.length; i++) (this.#scalars[i] as Float32Array)[0] = scalars[i] as number;
  }

  answer(statistics: number): SlotAnswer {
    return {
      status: this.#header[slotWord.status] as number,
      statistics: kept(
        this.#statistics,
        statistics,
        () => new Float32Array(this.#buffer, this.#slot.statistics, statistics),
      ),
      gradientNorm: this.#record[0] as number,
      penalty: this.#penalty[0] as number,
      gradientSquares: this.#gradientSquares,
      digest: hex(0, this.#digest) + hex(1, this.#digest) + hex(2, this.#digest) + hex(3, this.#digest),
    };
  }

  #views(
    specs: readonly FieldSpec[],
    addresses: Readonly<Record<string, number>>,
    samples: number,
  ): Record<string, FieldView> {
    return Object.fromEntries(
      specs.map(({ name, dtype, shape }) => [
        name,
        new arrayOf[dtype](
          this.#buffer,
          addresses[name] as number,
          shape.reduce((n, d) => n * d, samples),
        ),
      ]),
    );
  }
}

const hex = (i: number, words: Uint32Array): string => (words[i] as number).toString(16).padStart(8, '0');

function kept<T>(known: Map<number, T>, key: number, make: () => T): T {
  let value = known.get(key);
  if (value === undefined) {
    value = make();
    known.set(key, value);
  }
  return value;
}
