import { Worker } from 'node:worker_threads';
import { type LoadedKernels, LockstepError } from '@lockstep/core/kernels';
import { threadOptions } from './thread-options.ts';
import { compileThreadUrl } from './url.ts';

const compiled = new Map<boolean, Promise<LoadedKernels>>();
let last: Promise<unknown> = Promise.resolve();

/**
 * The kernels, compiled once for all runs and models of this process, in a thread of their own so that the caller's event loop stays free. V8
 * compiles them under flags that are those of the process: one compilation at a time, and none while runs begin that could do without.
 */
export function compiledKernels(widen: boolean): Promise<LoadedKernels> {
  const known = compiled.get(widen);
  if (known) return known;
  const kernels = last.then(() => compile(widen));
  compiled.set(widen, kernels);
  last = kernels.catch(() => compiled.delete(widen));
  return kernels;
}

function compile(widen: boolean): Promise<LoadedKernels> {
  const worker = new Worker(compileThreadUrl, {
    name: 'lockstep compile',
    ...threadOptions(),
    workerData: { widen },
  });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', (error: Error) => reject(new LockstepError(error.message, { cause: error })));
    worker.once('exit', (code) => reject(new LockstepError(`The kernels were not compiled (exit code ${code}).`)));
  });
}
