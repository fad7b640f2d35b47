import { type KernelName, type Kernels, kernelOf, opcode } from '@lockstep/core/kernels';
import type { ThreadProfile, TraceEvent } from './thread-profile.ts';

/** Steps that are not counted: memory is touched for the first time in them. */
const warmUpSteps = 3;
/** Steps whose instructions are kept one by one, for a trace; the totals go on. */
const tracedSteps = 3;

/**
 * Runs tapes instruction by instruction and times each: the kernels of a thread under another name, so that a run without a
 * profile has nothing of it. What passes between two tapes is waiting: for other threads, or for the next batch.
 */
export class Profiler implements Kernels {
  readonly matmulScratchBytes: number;
  readonly widened: boolean;
  readonly #kernels: Kernels;
  readonly #words: Int32Array;
  readonly #thread: number;
  readonly #calls = new Map<number, { calls: number; ms: number }>();
  readonly #trace: TraceEvent[] = [];
  #steps = -warmUpSteps;
  #from = 0;
  #lastEnd = 0;
  #waitingMs = 0;

  constructor(kernels: Kernels, memory: WebAssembly.Memory, thread: number) {
    this.matmulScratchBytes = kernels.matmulScratchBytes;
    this.widened = kernels.widened;
    this.#kernels = kernels;
    this.#words = new Int32Array(memory.buffer);
    this.#thread = thread;
  }

  setNarrowTiles(on: boolean): void {
    this.#kernels.setNarrowTiles(on);
  }

  run(pc: number, end: number): void {
    let start = performance.now();
    const counting = this.#steps >= 0;
    if (counting) this.#waitingMs += start - this.#lastEnd;
    for (let at = pc; at < end; ) {
      const code = this.#words[at >>> 2] as number;
      const next = at + (this.#words[(at >>> 2) + 1] as number);
      this.#kernels.run(at, next);
      const now = performance.now();
      if (counting) this.#count(code, at, start, now);
      if (code === opcode.decide) this.#endStep(now);
      start = now;
      at = next;
    }
    this.#lastEnd = start;
  }

  report(): ThreadProfile {
    return {
      thread: this.#thread,
      steps: Math.max(this.#steps, 0),
      wallMs: this.#steps > 0 ? this.#lastEnd - this.#from : 0,
      waitingMs: this.#waitingMs,
      kernels: [...this.#calls].map(([code, total]) => ({ ...kernelOf(code), ...total })),
      trace: this.#trace,
    };
  }

  #count(code: number, at: number, start: number, end: number): void {
    const total = this.#calls.get(code) ?? { calls: 0, ms: 0 };
    total.calls++;
    total.ms += end - start;
    this.#calls.set(code, total);
    if (this.#steps >= tracedSteps) return;
    const { name, phase } = kernelOf(code);
    this.#trace.push({ name, phase, size: this.#size(name, at), startMs: start, ms: end - start });
  }

  #size(name: KernelName, at: number): string {
    if (name !== 'matmul' && name !== 'matmulThen') return '';
    const word = (argument: number) => this.#words[(at >>> 2) + 2 + argument] as number;
    const [m, n, k, batch, segments] = [word(3), word(4), word(5), word(10), word(15)];
    return `${batch > 1 ? `${batch} x ` : ''}${m} x ${n} x ${k}${segments > 1 ? ` in ${segments} segments` : ''}`;
  }

  /** `decide` runs once in each step of training. */
  #endStep(now: number): void {
    this.#steps++;
    if (this.#steps === 0) this.#from = now;
  }
}
