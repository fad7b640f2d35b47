import { firstFreeAddress } from '@lockstep/core/internal';

const alignment = 64;

/** Shares out the run's memory, once, before it exists: addresses only. Every region starts on a cache line. */
export class Regions {
  #end: number;
  readonly #sizes = new Map<string, number>();

  /** @param from where it starts, a multiple of 64 */
  constructor(from = firstFreeAddress) {
    this.#end = from;
  }

  /** @param what in words, for the report of a run that does not fit */
  reserve(what: string, bytes: number): number {
    const size = Math.ceil(bytes / alignment) * alignment;
    const address = this.#end;
    this.#end += size;
    this.#sizes.set(what, (this.#sizes.get(what) ?? 0) + size);
    return address;
  }

  get bytes(): number {
    return this.#end;
  }

  /** The largest users first, e.g. `activations 120.0 MiB`. */
  breakdown(count = 4): string {
    return [...this.#sizes]
      .sort(([, a], [, b]) => b - a)
      .slice(0, count)
      .map(([what, bytes]) => `${what} ${mebibytes(bytes)}`)
      .join(', ');
  }
}

export const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
