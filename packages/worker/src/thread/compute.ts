import { firstFreeAddress, instantiateKernels, LockstepError, selfTest } from '@lockstep/core/kernels';
import { poison } from '../barrier.ts';
import { controlBytes } from '../control-block.ts';
import { Profiler } from '../profile/profiler.ts';
import type { ThreadProfile } from '../profile/thread-profile.ts';
import { StepLoop } from '../step-loop.ts';
import type { ThreadScript } from '../thread-script.ts';

/** What a compute thread is given: data, the memory that it shares, and the compiled kernels. */
export interface ComputeTask {
  readonly script: ThreadScript;
  readonly memory: WebAssembly.Memory;
  readonly module: WebAssembly.Module;
  /** Large enough for the self-test, dropped after it. */
  readonly selfTestMemory: WebAssembly.Memory;
  /** Processor cores of the machine: with more threads than that nobody spins. */
  readonly cores: number;
  /** Slot at which the thread's heap is measured; -1 = never. */
  readonly heapProbeAt: number;
  /** Time every instruction. */
  readonly profile: boolean;
}

export interface ComputeReport {
  readonly thread: number;
  /** What the thread's heap grew from the probe to the last step, uncollected; 0 without a probe. */
  readonly heapGrowthBytes: number;
  readonly profile: ThreadProfile | undefined;
}

/** One long-running task per thread: from the first step of the run to the last. */
export default function compute({
  script,
  memory,
  module,
  selfTestMemory,
  cores,
  heapProbeAt,
  profile,
}: ComputeTask): ComputeReport {
  const kernels = instantiateKernels(module, memory);
  if (!selfTest(instantiateKernels(module, selfTestMemory), selfTestMemory, firstFreeAddress)) {
    poison(new Int32Array(memory.buffer, script.control, controlBytes / 4));
    throw new LockstepError(
      `The kernels give wrong results in compute thread ${script.thread}: this process changes how numbers are rounded.`,
    );
  }
  const profiler = profile ? new Profiler(kernels, memory, script.thread) : undefined;
  const loop = new StepLoop(script, profiler ?? kernels, memory, cores, heapProbeAt);
  loop.run();
  const growth = loop.heapAtProbeBytes === 0 ? 0 : process.memoryUsage().heapUsed - loop.heapAtProbeBytes;
  return { thread: script.thread, heapGrowthBytes: growth, profile: profiler?.report() };
}
