import { firstFreeAddress, instantiateKernels, selfTest } from '@lockstep/core/kernels';
import { poison } from '../barrier.ts';
import { controlBytes } from '../control-block.ts';
import { Profiler } from '../profile/profiler.ts';
import type { ThreadProfile } from '../profile/thread-profile.ts';
import { type ResumePoint, StepLoop } from '../step-loop.ts';
import type { ThreadScript } from '../thread-script.ts';
import { FaultyKernels, type ThreadFault } from './thread-fault.ts';

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
  /** Where another thread died; absent at the start of the run. */
  readonly resume: ResumePoint | undefined;
  /** For tests: how this thread dies. */
  readonly fault: ThreadFault | undefined;
}

export interface ComputeReport {
  readonly thread: number;
  /** What the thread's heap grew from the probe to the last step, uncollected; 0 without a probe. */
  readonly heapGrowthBytes: number;
  readonly profile: ThreadProfile | undefined;
  /** Why the thread must not compute: another one in its place would be no better. */
  readonly refusal?: string;
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
  resume,
  fault,
}: ComputeTask): ComputeReport {
  const kernels = instantiateKernels(module, memory);
  if (!selfTest(instantiateKernels(module, selfTestMemory), selfTestMemory, firstFreeAddress)) {
    poison(new Int32Array(memory.buffer, script.control, controlBytes / 4));
    const refusal = `The kernels give wrong results in compute thread ${script.thread}: this process changes how numbers are rounded.`;
    return { thread: script.thread, heapGrowthBytes: 0, profile: undefined, refusal };
  }
  const profiler = profile ? new Profiler(kernels, memory, script.thread) : undefined;
  const replayed = profiler ?? kernels;
  const faulty = fault ? new FaultyKernels(replayed, memory, fault, script.progress) : replayed;
  const loop = new StepLoop(script, faulty, memory, cores, heapProbeAt);
  loop.run(resume);
  const growth = loop.heapAtProbeBytes === 0 ? 0 : process.memoryUsage().heapUsed - loop.heapAtProbeBytes;
  return { thread: script.thread, heapGrowthBytes: growth, profile: profiler?.report() };
}
