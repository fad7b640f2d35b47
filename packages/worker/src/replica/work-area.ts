import { type JobSpec, MemoryLimitError, resultLayoutOf } from '@lockstep/core/internal';
import { mostStatistics, reserveWork, type ThreadWork, type WorkSizes } from '../memory/places.ts';
import { largerSizes, noSizes } from '../memory/plan-cache.ts';
import { mebibytes, Regions } from '../memory/regions.ts';
import type { TapeRange } from '../thread-script.ts';

const pageBytes = 65536;
/** 32-bit addresses reach no further. */
const addressLimit = 2 ** 32 - pageBytes;
/** Tapes of other ranges are kept for when they come again, up to this. */
const keptTapeBytes = 32 * 2 ** 20;

/** The shared memory of a replica: a fixed part, then where threads compute, then tapes, which come and go. It grows as it must. */
export class WorkArea {
  readonly memory: WebAssembly.Memory;
  /** Changes whenever tapes that were written before are gone. */
  generation = 0;
  readonly #spec: JobSpec;
  readonly #from: number;
  readonly #limit: number;
  #sizes: readonly WorkSizes[];
  #work: readonly ThreadWork[] = [];
  #tapes: number;
  #end: number;

  /** @throws MemoryLimitError where not even the fixed part fits */
  constructor(spec: JobSpec, threads: number, fixed: { bytes: number; breakdown: string }, limitBytes: number) {
    this.#spec = spec;
    this.#limit = Math.min(limitBytes, addressLimit);
    this.#from = fixed.bytes;
    this.#tapes = fixed.bytes;
    this.#end = fixed.bytes;
    this.#sizes = Array.from({ length: threads }, () => noSizes);
    if (fixed.bytes > this.#limit) throw this.tooLarge(fixed.bytes, fixed.breakdown);
    const pages = (bytes: number) => Math.ceil(bytes / pageBytes);
    const maximum = Math.max(pages(fixed.bytes), Math.floor(this.#limit / pageBytes));
    this.memory = new WebAssembly.Memory({ initial: pages(fixed.bytes), maximum, shared: true });
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }

  /**
   * Places where each thread can do work of these sizes and of all before it; undefined where they do not fit. What threads wrote before
   * may be lost.
   */
  fit(sizes: readonly WorkSizes[]): readonly ThreadWork[] | undefined {
    const all = sizes.map((size, thread) => largerSizes(size, this.#sizes[thread] as WorkSizes));
    if (this.#work.length > 0 && all.every((size, thread) => same(size, this.#sizes[thread] as WorkSizes)))
      return this.#work;
    return this.#place(all) ?? this.#place(sizes);
  }

  #place(sizes: readonly WorkSizes[]): readonly ThreadWork[] | undefined {
    const regions = new Regions(this.#from);
    const work = sizes.map((size) => reserveWork(regions, this.#spec, size));
    if (regions.bytes > this.#limit) return undefined;
    this.#sizes = sizes;
    this.#work = work;
    this.#tapes = regions.bytes;
    this.dropTapes();
    this.#grow(regions.bytes);
    // Nobody writes the gaps between parameters in a result vector; they must be zero.
    const { length } = resultLayoutOf(this.#spec.layout, mostStatistics(this.#spec));
    for (const buffer of work.flatMap(({ buffers }) => buffers)) {
      new Float32Array(this.memory.buffer, buffer, length).fill(0);
    }
    return work;
  }

  #grow(bytes: number): void {
    const missing = bytes - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / pageBytes));
  }

  dropTapes(): void {
    this.#end = this.#tapes;
    this.generation++;
  }

  /** Writes tapes behind those that are there; undefined where memory does not reach. */
  write(tapes: readonly Uint32Array[]): TapeRange[] | undefined {
    const regions = new Regions(this.#end);
    const ranges = tapes.map(({ byteLength }) => {
      const from = regions.reserve('tapes', byteLength);
      return { from, to: from + byteLength };
    });
    if (regions.bytes > this.#limit) return undefined;
    this.#grow(regions.bytes);
    tapes.forEach((words, i) => {
      new Uint32Array(this.memory.buffer, (ranges[i] as TapeRange).from, words.length).set(words);
    });
    this.#end = regions.bytes;
    return ranges;
  }

  /** Whether it is time to forget tapes. */
  get crowded(): boolean {
    return this.#end - this.#tapes > keptTapeBytes;
  }

  tooLarge(bytes: number, breakdown?: string): MemoryLimitError {
    const threads = this.#sizes.length;
    const remedy =
      threads > 1 ? 'use fewer threads, or raise the limit.' : 'use more shards, so that each holds fewer samples.';
    return new MemoryLimitError(
      `Job "${this.#spec.name}" needs ${mebibytes(bytes)} with ${threads} thread${threads === 1 ? '' : 's'}` +
        `${breakdown ? ` (${breakdown})` : ''}, the limit is ${mebibytes(this.#limit)}: ${remedy}`,
    );
  }

  /** Bytes that work of these sizes takes in all. */
  bytesFor(sizes: readonly WorkSizes[]): number {
    const regions = new Regions(this.#from);
    for (const size of sizes) reserveWork(regions, this.#spec, size);
    return regions.bytes;
  }
}

const same = (a: WorkSizes, b: WorkSizes): boolean =>
  a.arenaBytes === b.arenaBytes && a.scratchBytes === b.scratchBytes && a.buffers === b.buffers;
