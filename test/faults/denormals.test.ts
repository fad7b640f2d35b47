import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { compiledKernels, computeThreadUrl } from '@lockstep/worker/local';
import { expect, test } from 'vitest';

// F22: native code in the process has changed how a thread rounds.

/** Sets flush-to-zero and denormals-are-zero of the thread that loads it. */
const addon = `
#include <node_api.h>
#include <xmmintrin.h>
napi_value Init(napi_env env, napi_value exports) {
  _mm_setcsr(_mm_getcsr() | 0x8040);
  return exports;
}
NAPI_MODULE(flush, Init)
`;

const inThread = `
const { parentPort, workerData } = require('node:worker_threads');
if (workerData.addon) require(workerData.addon);
import(workerData.url).then(({ default: compute }) => parentPort.postMessage(compute(workerData.task)));
`;

test('a thread that flushes denormal numbers to zero is refused', async ({ skip }) => {
  const dir = mkdtempSync(join(tmpdir(), 'lockstep-addon-'));
  try {
    const headers = [join(dirname(process.execPath), '../include/node'), '/usr/include/node'].find(existsSync);
    writeFileSync(join(dir, 'flush.c'), addon);
    const path = join(dir, 'flush.node');
    const built = spawnSync('gcc', ['-shared', '-fPIC', `-I${headers}`, '-o', path, join(dir, 'flush.c')]);
    if (process.arch !== 'x64' || built.status !== 0)
      return skip('There is no C compiler for x86-64 or no header of Node here.');
    const kernels = await compiledKernels(true);
    const report = (native: string | null) =>
      new Promise<{ refusal?: string }>((resolve, reject) => {
        const shared = (pages: number) => new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
        const nothing = { from: 0, to: 0 };
        // Poisoned from the start: a thread that passes its self-test leaves at once.
        const memory = shared(2);
        new Int32Array(memory.buffer).fill(1, 65536 / 4);
        const script = { thread: 0, threads: 1, control: 65536, slots: [66560], firstHash: nothing, progress: 66624 };
        const task = {
          script,
          memory,
          module: kernels.module,
          selfTestMemory: shared(2048),
          cores: 1,
          heapProbeAt: -1,
          profile: false,
        };
        const worker = new Worker(inThread, {
          eval: true,
          workerData: { addon: native, url: computeThreadUrl.href, task },
        });
        worker.once('message', resolve);
        worker.once('error', reject);
      });
    expect((await report(null)).refusal).toBeUndefined();
    expect((await report(path)).refusal).toMatch(
      /wrong results in compute thread 0: this process changes how numbers are rounded/,
    );
  } finally {
    rmSync(dir, { recursive: true });
  }
});
