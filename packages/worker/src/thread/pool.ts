import { availableParallelism } from 'node:os';
import { instantiateKernels, type LoadedKernels, selfTestBytes } from '@lockstep/core/internal';
import { Piscina } from 'piscina';
import type { ThreadScript } from '../thread-script.ts';
import type { ComputeReport, ComputeTask } from './compute.ts';
import { threadOptions } from './thread-options.ts';
import { computeThreadUrl } from './url.ts';

/** The compute threads of a run: a pool with one long-running task in each. */
export class ComputePool {
  /** Settles when every thread has returned, or one has failed. */
  readonly finished: Promise<ComputeReport[]>;
  readonly #pool: Piscina<ComputeTask, ComputeReport>;

  constructor(
    scripts: readonly ThreadScript[],
    memory: WebAssembly.Memory,
    kernels: LoadedKernels,
    { heapProbeAt, profile }: Pick<ComputeTask, 'heapProbeAt' | 'profile'>,
  ) {
    this.#pool = new Piscina({
      filename: computeThreadUrl.href,
      minThreads: scripts.length,
      maxThreads: scripts.length,
      // An idle pool thread in Atomics.wait would block its own event loop.
      atomics: 'disabled',
      recordTiming: false,
      ...threadOptions(),
    });
    const tasks = scripts.map((script) =>
      this.#pool.run({
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
    await this.#pool.destroy();
  }
}

/** A memory of its own for the self-test of one thread, dropped after it. */
function selfTestMemory(kernels: LoadedKernels): WebAssembly.Memory {
  const probe = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const pages = 1 + Math.ceil(selfTestBytes(instantiateKernels(kernels.module, probe)) / 65536);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}
