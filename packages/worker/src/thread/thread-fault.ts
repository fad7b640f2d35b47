import { type KernelName, type Kernels, kernelOf } from '@lockstep/core/kernels';
import { progressWord } from '../memory/progress.ts';

/** For tests: a compute thread dies at a place that is said, not at a time. */
export interface ThreadFault {
  readonly thread: number;
  /** Counts the starts of the threads, from 0: a thread that took the place of another can die as well. */
  readonly life: number;
  /** Tapes that the thread runs to their end before. */
  readonly tapes: number;
  /** Instructions of the next tape that it runs before; the one after them is left half-done. */
  readonly instructions: number;
  readonly how: 'throw' | 'trap' | 'exit' | 'exhaust';
}

/** For tests: what threads die of. */
export interface ThreadFaults {
  readonly faults: readonly ThreadFault[];
  /** Most memory of each thread's own heap. */
  readonly heapLimitMb?: number;
}

/** Arguments through which a kernel writes, by place. Of the others it is the first. */
const outputs: Partial<Record<KernelName, readonly number[]>> = {
  // Words that are there or not.
  literal: [],
  track: [],
  unit: [],
  keep: [4],
  hyper: [0, 1],
};
/** They say how far they are, and are stopped half-way. */
const resumable: readonly KernelName[] = ['sgd', 'adamw', 'adagrad', 'adadelta', 'rmsprop', 'lion', 'movingAverage'];
/** Bytes that a half-done instruction leaves wrong. */
const damagedBytes = 16;

/** The kernels of a thread that is going to die. */
export class FaultyKernels implements Kernels {
  readonly matmulScratchBytes: number;
  readonly widened: boolean;
  readonly #kernels: Kernels;
  readonly #words: Int32Array;
  readonly #fault: ThreadFault;
  readonly #progress: number;
  #tapes = 0;

  constructor(kernels: Kernels, memory: WebAssembly.Memory, fault: ThreadFault, progress: number) {
    this.#progress = progress;
    this.matmulScratchBytes = kernels.matmulScratchBytes;
    this.widened = kernels.widened;
    this.#kernels = kernels;
    this.#words = new Int32Array(memory.buffer);
    this.#fault = fault;
  }

  setNarrowTiles(on: boolean): void {
    this.#kernels.setNarrowTiles(on);
  }

  run(pc: number, end: number): void {
    if (this.#tapes++ !== this.#fault.tapes) {
      this.#kernels.run(pc, end);
      return;
    }
    let at = pc;
    for (let i = 0; i < this.#fault.instructions && at < end; i++) {
      const next = at + (this.#words[(at >>> 2) + 1] as number);
      this.#kernels.run(at, next);
      at = next;
    }
    if (at < end) this.#damage(at >>> 2);
    this.#die();
  }

  #damage(instruction: number): void {
    const { name } = kernelOf(this.#words[instruction] as number);
    if (resumable.includes(name)) {
      this.#half(instruction);
      return;
    }
    for (const place of outputs[name] ?? [0]) {
      const address = (this.#words[instruction + 2 + place] as number) >>> 0;
      if (address > 0) this.#words.fill(0x7fc0dead, address >>> 2, (address + damagedBytes) >>> 2);
    }
  }

  #half(instruction: number): void {
    const count = instruction + 4;
    const elements = this.#words[count] as number;
    const half = (elements >>> 4) * 8;
    this.#words[count] = half;
    this.#kernels.run(instruction * 4, (instruction + ((this.#words[instruction + 1] as number) >>> 2)) * 4);
    this.#words[count] = elements;
    this.#words[(this.#progress >>> 2) + progressWord.left] = elements - half;
  }

  #die(): void {
    switch (this.#fault.how) {
      case 'throw':
        throw new Error('a fault of the test');
      case 'trap':
        // Beyond any memory.
        this.#kernels.run(0xffff_fff0, 0xffff_fff8);
        break;
      case 'exit':
        process.exit(7);
        break;
      case 'exhaust':
        for (const kept: number[][] = []; ; ) kept.push(new Array(100_000).fill(kept.length));
    }
  }
}
