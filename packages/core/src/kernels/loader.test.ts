import { Worker } from 'node:worker_threads';

import { afterEach, expect, test, vi } from 'vitest';

import { firstFreeAddress, instantiateKernels, tagBuild } from './instance.ts';
import { createHarness } from './kernel-harness.ts';
import { kernelsHash, readKernelBytes } from './kernels-hash.ts';
import { describeKernels, loadKernelModule } from './loader.ts';
import { type KernelName, opcode } from './opcodes.ts';
import { expectedAnswers, knownAnswers, selfTest, selfTestBytes } from './self-test.ts';
import { compileEagerly, startValue, whyNotWidened } from './widening.ts';

afterEach(() => void vi.unstubAllEnvs());

test('the kernels load, and say in one sentence which they are', () => {
  const kernels = loadKernelModule();
  expect(kernels.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(kernels.hash).toBe(kernelsHash());
  // whether V8 really widens depends on the machine and is measured: here only that the two halves agree
  expect(kernels.widened).toBe(kernels.reason === undefined);
  expect(describeKernels(kernels)).toContain(kernels.widened ? '256-bit' : '128-bit');
  expect(loadKernelModule()).toBe(kernels);
});

test('the plain build can be asked for', () => {
  const kernels = loadKernelModule({ widen: false });
  expect(kernels.widened).toBe(false);
  expect(describeKernels(kernels)).toBe(
    `WebAssembly kernels ${kernels.hash.slice(0, 12)} with 128-bit vectors (not widened: not asked for).`,
  );
});

test('LOCKSTEP_WIDEN=0 turns widening off', async () => {
  vi.stubEnv('LOCKSTEP_WIDEN', '0');
  vi.resetModules(); // the loader keeps what it loaded
  const fresh = await import('./loader.ts');
  expect(fresh.loadKernelModule()).toMatchObject({ widened: false, reason: 'LOCKSTEP_WIDEN=0' });
});

test.each([true, false])('known answers, widened %s', (widen) => {
  const { kernels, memory, alloc } = createHarness({ widen });
  const address = alloc(selfTestBytes(kernels) / 4);
  // to take over new answers on purpose: put the value received into self-test.ts; where a kernel's arithmetic changed, raise the numerics version
  expect(knownAnswers(kernels, memory, address)).toBe(expectedAnswers);
  expect(selfTest(kernels, memory, address)).toBe(true);
  const silent = { ...kernels, run: () => {} };
  expect(selfTest(silent, memory, address), 'results of an earlier run do not count').toBe(false);
  for (const [kernel, spoil] of faults) {
    const faulty = {
      ...kernels,
      run: (pc: number, end: number) => {
        const words = new Uint32Array(memory.buffer, pc, 8);
        if (words[0] === opcode[kernel]) spoil(words);
        kernels.run(pc, end);
      },
    };
    expect(selfTest(faulty, memory, address), `a wrong ${kernel} is found`).toBe(false);
  }
});

/** What a miscompiled kernel might do, by the word of an instruction: a * b becomes b * a; a neighbour's formula; the wrong operand. */
const faults: readonly (readonly [KernelName, (words: Uint32Array) => void])[] = [
  ['matmul', (words) => words.set([words[4] as number, words[3] as number], 3)],
  ['gelu', (words) => words.set([opcode.geluTanh])],
  ['softmax', (words) => words.set([opcode.logSoftmax])],
  ['layerNorm', (words) => words.set([words[5] as number], 4)],
  ['adamw', (words) => words.set([words[3] as number], 2)],
];

test('a module sent to another thread passes the self-test there and knows how it was built', async () => {
  const { module, widened } = loadKernelModule();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1024, shared: true });
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    Promise.all([import(workerData.instance), import(workerData.selfTest)]).then(([{ instantiateKernels }, { selfTest, selfTestBytes }]) => {
      const { module, memory, address } = workerData;
      const kernels = instantiateKernels(module, memory);
      memory.grow(Math.ceil(selfTestBytes(kernels) / 65536));
      parentPort.postMessage({ passed: selfTest(kernels, memory, address), widened: kernels.widened });
    });`;
  const worker = new Worker(code, {
    eval: true,
    workerData: {
      module,
      memory,
      address: firstFreeAddress,
      instance: new URL('./instance.ts', import.meta.url).href,
      selfTest: new URL('./self-test.ts', import.meta.url).href,
    },
  });
  const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await worker.terminate();
  expect(answer).toEqual({ passed: true, widened });
});

test('a module without our section counts as plain', () => {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  expect(instantiateKernels(new WebAssembly.Module(new Uint8Array(readKernelBytes())), memory).widened).toBe(false);
  const tagged = compileEagerly(tagBuild(readKernelBytes(), 'plain'), false);
  expect(instantiateKernels(tagged, memory).widened).toBe(false);
});

test('bytes that are no module are refused', () => {
  expect(() => compileEagerly(new Uint8Array(4), whyNotWidened() === undefined)).toThrow(WebAssembly.CompileError);
});

test.each([
  [[], true],
  [['--no-liftoff'], false],
  [['--no_liftoff'], false],
  [['--noliftoff'], false],
  [['--no-liftoff', '--liftoff'], true],
  [['--no-liftoff-only'], true],
])('the flags go back to what the process was started with: %j', (options, liftoff) => {
  expect(startValue('liftoff', options)).toBe(liftoff);
});
