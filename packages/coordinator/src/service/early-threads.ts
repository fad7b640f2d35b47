import { workerData } from 'node:worker_threads';
import { ComputeThreads } from '@lockstep/worker/compute-threads';
import type { EngineThreadData } from '../engine/engine-handle.ts';

const { threads, heapLimitMb } = (workerData ?? { threads: 0 }) as EngineThreadData;

/** The compute threads of this engine, started before it has loaded the rest of itself; none where the engine is a cluster's. */
export const earlyThreads = threads > 0 ? new ComputeThreads(threads, heapLimitMb) : undefined;
