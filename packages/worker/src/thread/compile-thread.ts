import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { loadKernelModule } from '@lockstep/core/kernels';

// Compiles the kernels for the whole process and ends.

(parentPort as MessagePort).postMessage(loadKernelModule(workerData as { widen: boolean }));
