import { availableParallelism } from 'node:os';
import { instantiateKernels, type LoadedKernels, selfTestBytes } from '@lockstep/core/kernels';
import { poison } from '../barrier.ts';
import { controlBytes } from '../control-block.ts';
import type { ResumePoint } from '../step-loop.ts';
import type { ThreadScript } from '../thread-script.ts';
import type { ComputeReport, ComputeTask } from './compute.ts';
import { ComputeThreads } from './compute-threads.ts';
import type { ThreadFault } from './thread-fault.ts';

export interface PoolOptions extends Pick<ComputeTask, 'heapProbeAt' | 'profile'> {
  /** For tests: threads that die. */
  readonly faults?: readonly ThreadFault[];
}

/** A thread that ended before it was told to. */
export interface Casualty {
  readonly thread: number;
  readonly reason: string;
}

/** The compute threads of a run: a pool with one long-running task in each. */
export class ComputePool {
  readonly #threads: ComputeThreads;
  readonly #scripts: readonly ThreadScript[];
  readonly #memory: WebAssembly.Memory;
  readonly #kernels: LoadedKernels;
  readonly #options: PoolOptions;
  #tasks: readonly Promise<ComputeReport>[];
  #life = 0;

  /** @param threads as many as there are scripts, and without a task; closed with the pool */
  constructor(
    scripts: readonly ThreadScript[],
    memory: WebAssembly.Memory,
    kernels: LoadedKernels,
    options: PoolOptions,
    threads = new ComputeThreads(scripts.length),
  ) {
    this.#scripts = scripts;
    this.#memory = memory;
    this.#kernels = kernels;
    this.#options = options;
    this.#threads = threads;
    this.#tasks = this.#start(undefined);
  }

  /** Waits until every thread has left, and says which of them died. */
  async casualties(): Promise<Casualty[]> {
    const ends = await Promise.allSettled(this.#tasks);
    return ends.flatMap((end, thread) =>
      end.status === 'rejected' ? [{ thread, reason: (end.reason as Error).message }] : [],
    );
  }

  /** Of the threads that have left as they should; waits for all. */
  async reports(): Promise<ComputeReport[]> {
    const ends = await Promise.allSettled(this.#tasks);
    return ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
  }

  /** Starts all threads again, once they have left; the pool has new ones where some died. */
  restart(resume: ResumePoint): void {
    this.#life++;
    this.#tasks = this.#start(resume);
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }

  #start(resume: ResumePoint | undefined): Promise<ComputeReport>[] {
    const { heapProbeAt, profile, faults = [] } = this.#options;
    return this.#scripts.map((script) => {
      const task = this.#threads.run({
        script,
        memory: this.#memory,
        module: this.#kernels.module,
        selfTestMemory: selfTestMemory(this.#kernels),
        cores: availableParallelism(),
        heapProbeAt,
        profile,
        resume,
        fault: faults.find(({ thread, life }) => thread === script.thread && life === this.#life),
      });
      // A thread that is gone without a word leaves the others waiting. Whoever waits for a slot hears of it through the control block.
      task.catch(() => poison(new Int32Array(this.#memory.buffer, script.control, controlBytes / 4)));
      return task;
    });
  }
}

/** A memory of its own for the self-test of one thread, dropped after it. */
function selfTestMemory(kernels: LoadedKernels): WebAssembly.Memory {
  const probe = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const pages = 1 + Math.ceil(selfTestBytes(instantiateKernels(kernels.module, probe)) / 65536);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}
