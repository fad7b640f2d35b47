import { availableParallelism } from 'node:os';
import { instantiateKernels, type LoadedKernels, selfTestBytes } from '@lockstep/core/kernels';
import type { ThreadScript } from '../thread-script.ts';
import type { ComputeReport, ComputeTask } from './compute.ts';
import { ComputeThreads } from './compute-threads.ts';

/** The compute threads of a run: a pool with one long-running task in each. */
export class ComputePool {
  /** Settles when every thread has returned, or one has failed. */
  readonly finished: Promise<ComputeReport[]>;
  readonly #threads: ComputeThreads;

  /** @param threads as many as there are scripts, and without a task; closed with the pool */
  constructor(
    scripts: readonly ThreadScript[],
    memory: WebAssembly.Memory,
    kernels: LoadedKernels,
    { heapProbeAt, profile }: Pick<ComputeTask, 'heapProbeAt' | 'profile'>,
    threads = new ComputeThreads(scripts.length),
  ) {
    this.#threads = threads;
    const tasks = scripts.map((script) =>
      threads.run({
        script,
        memory,
        module: kernels.module,
        selfTestMemory: selfTestMemory(kernels),
        cores: availableParallelism(),
        heapProbeAt,
        profile,
      }),
    );
    this.finished = Promise.all(tasks);
    // Whoever waits for a slot hears of it through the poisoned control block; `finished` is looked at then.
    this.finished.catch(() => undefined);
  }

  async close(): Promise<void> {
    await this.#threads.close();
  }
}

/** A memory of its own for the self-test of one thread, dropped after it. */
function selfTestMemory(kernels: LoadedKernels): WebAssembly.Memory {
  const probe = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const pages = 1 + Math.ceil(selfTestBytes(instantiateKernels(kernels.module, probe)) / 65536);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}
