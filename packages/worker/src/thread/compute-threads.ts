import { Piscina } from 'piscina';
import type { ComputeReport, ComputeTask } from './compute.ts';
import { threadOptions } from './thread-options.ts';
import { computeThreadUrl } from './url.ts';

/** Threads that load what they need and then wait for a task: they are started while a job is still being read. */
export class ComputeThreads {
  readonly #pool: Piscina<ComputeTask, ComputeReport>;

  /** @param heapLimitMb for tests: most memory of each thread's own heap */
  constructor(count: number, heapLimitMb?: number) {
    this.#pool = new Piscina({
      filename: computeThreadUrl.href,
      minThreads: count,
      maxThreads: count,
      // An idle pool thread in Atomics.wait would block its own event loop.
      atomics: 'disabled',
      recordTiming: false,
      ...(heapLimitMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapLimitMb } }),
      ...threadOptions(),
    });
  }

  /** One long-running task on a thread that has none. */
  run(task: ComputeTask): Promise<ComputeReport> {
    return this.#pool.run(task);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
