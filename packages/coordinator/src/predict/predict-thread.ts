import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { PredictData, PredictRequest } from './messages.ts';
import { PredictionRunner } from './prediction-runner.ts';

// One thread for one model: the caller's event loop stays free.

const runner = new PredictionRunner(workerData as PredictData);
const port = parentPort as MessagePort;
port.on('message', ({ id, rows, seed, inputs }: PredictRequest) => {
  try {
    port.postMessage({ id, outputs: runner.run(rows, seed, inputs) });
  } catch (error) {
    port.postMessage({ id, error: (error as Error).message });
  }
});
