import type { MessagePort } from 'node:worker_threads';
import type { JobSpec, LoadedKernels, TraceOverrides } from '@lockstep/core/internal';
import type { Reduction, ThreadFaults, ThreadProfile } from '@lockstep/worker/local';
import type { ClusterRequest } from './cluster-request.ts';

/** A job that was traced in the caller's thread: data only. Its closures answer at `host`. */
export interface TracedData {
  readonly spec: JobSpec;
  readonly initialParameters: Float32Array;
  /** A Comlink endpoint of the caller's `JobHost`. */
  readonly host: MessagePort;
}

/** What the engine is started with. Everything is data and crosses the thread boundary. */
export interface EngineRequest {
  /** A job file, imported by the engine itself, or a traced job. */
  readonly job: { readonly path: string } | TracedData;
  readonly overrides: TraceOverrides;
  readonly threads: number;
  readonly out: string | null;
  readonly resume: boolean;
  readonly initialWeights: string | null;
  readonly memoryLimitBytes: number;
  readonly mergeShards: boolean;
  readonly reduce: Reduction;
  /** Compiled for the whole process. */
  readonly kernels: LoadedKernels;
  /** Stop after so many steps as if interrupted. */
  readonly stopAtStep: number | null;
  /** No steps, only the evaluation of the start's weights. */
  readonly evaluateOnly: boolean;
  /** Measure the compute threads' heaps from this slot on. */
  readonly heapProbeAt: number | null;
  /** Send no events of steps. */
  readonly quiet: boolean;
  /** Time every instruction of the compute threads. */
  readonly profile: boolean;
  /** How workers take part; null: only the threads of this process do. */
  readonly cluster: ClusterRequest | null;
  /** For tests: compute threads that die. */
  readonly threadFaults: ThreadFaults | null;
  /** Receives arrays of `RunEvent`. */
  readonly events: MessagePort;
}

export interface EngineResult {
  readonly spec: JobSpec;
  readonly parameters: Float32Array;
  readonly digest: string;
  readonly loss: number;
  readonly steps: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  readonly metrics: Readonly<Record<string, number>>;
  /** Growth of each compute thread's heap after the probe. */
  readonly threadHeapGrowthBytes: readonly number[];
  /** One for each compute thread; empty where none was asked for. */
  readonly profiles: readonly ThreadProfile[];
}

/** What the engine thread exposes. */
export interface EngineApi {
  run(request: EngineRequest): Promise<EngineResult>;
  /** Ends at the next step boundary, with a checkpoint. */
  stop(): void;
}
