import type { KernelName, Phase } from '@lockstep/core/kernels';

/** Where the time of one compute thread went, summed over `steps` steps of training. */
export interface ThreadProfile {
  readonly thread: number;
  readonly steps: number;
  /** From the first of these steps to the last. */
  readonly wallMs: number;
  /** Of it between tapes: at barriers, for the next batch, and in the loop itself. */
  readonly waitingMs: number;
  readonly kernels: readonly KernelTime[];
  /** The instructions of the first of these steps, one by one. */
  readonly trace: readonly TraceEvent[];
}

export interface KernelTime {
  readonly name: KernelName;
  readonly phase: Phase;
  readonly calls: number;
  readonly ms: number;
}

export interface TraceEvent {
  readonly name: KernelName;
  readonly phase: Phase;
  /** Of a product: rows x columns x inner length. */
  readonly size: string;
  /** On the thread's own clock. */
  readonly startMs: number;
  readonly ms: number;
}
