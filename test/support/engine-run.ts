import { traceJob } from '@lockstep/core/internal';
import { ComputeThreads, compiledKernels } from '@lockstep/worker/local';
import { openRun } from '../../packages/coordinator/src/checkpoint/open-run.ts';
import { Engine } from '../../packages/coordinator/src/engine/engine.ts';
import type { EngineResult } from '../../packages/coordinator/src/engine/request.ts';
import { importJob } from '../../packages/coordinator/src/job/import-job.ts';
import type { RunEvent } from '../../packages/coordinator/src/observe/events.ts';
import type { FileSystem } from '../../packages/coordinator/src/storage/file-system.ts';
import { steps } from './jobs.ts';

/** A run in this thread, on a file system of the test's choice. */
export async function runEngine(
  job: string,
  disk: FileSystem,
  { out, resume = false, checkpointEvery }: { out: string; resume?: boolean; checkpointEvery: number },
): Promise<{ result: EngineResult; events: RunEvent[] }> {
  const events: RunEvent[] = [];
  const emit = (event: RunEvent): void => void events.push(event);
  const traced = await traceJob(await importJob(job), { steps, checkpointEvery });
  const request = {
    threads: 1,
    out,
    resume,
    initialWeights: null,
    memoryLimitBytes: 2 ** 30,
    mergeShards: true,
    reduce: 'f32' as const,
    kernels: await compiledKernels(true),
    stopAtStep: null,
    evaluateOnly: false,
    heapProbeAt: null,
    profile: false,
    quiet: false,
    cluster: null,
    threadFaults: null,
  };
  const opened = await openRun(traced, request, emit, disk);
  await using threads = Object.assign(new ComputeThreads(1), {
    async [Symbol.asyncDispose](this: ComputeThreads) {
      await this.close();
    },
  });
  const engine = new Engine({ request, traced, ...opened, emit, threads });
  return { result: await engine.run(), events };
}
