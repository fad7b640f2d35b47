import type { Gathered } from '@lockstep/core';
import type { FieldSpec } from '@lockstep/core/internal';

/** Outputs of an evaluation, put together batch by batch in sample order. */
export class Gathering {
  readonly #fields: readonly FieldSpec[];
  readonly #samples: number;
  #data: Record<string, Float32Array | Int32Array> = {};
  #filled = 0;

  /** @param samples of the whole split */
  constructor(fields: readonly FieldSpec[], samples: number) {
    this.#fields = fields;
    this.#samples = samples;
  }

  /** Copies the next `samples` samples. */
  add(part: Readonly<Record<string, Float32Array | Int32Array>>, samples: number): void {
    for (const { name, dtype, shape } of this.#fields) {
      const size = shape.reduce((n, d) => n * d, 1);
      const Type = dtype === 'i32' ? Int32Array : Float32Array;
      this.#data[name] ??= new Type(this.#samples * size);
      this.#data[name]?.set(part[name] as Float32Array | Int32Array, this.#filled * size);
    }
    this.#filled += samples;
  }

  /** All of it; starts over. */
  take(): Record<string, Gathered> {
    const gathered = Object.fromEntries(
      this.#fields.map(({ name, shape }): [string, Gathered] => [
        name,
        { data: this.#data[name] as Float32Array | Int32Array, shape: [this.#samples, ...shape] },
      ]),
    );
    this.#data = {};
    this.#filled = 0;
    return gathered;
  }
}
