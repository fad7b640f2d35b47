import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { random } from '@lockstep/core';
import { instantiateKernels, type KernelName, loadKernelModule, TapeWriter } from '@lockstep/core/internal';
import { describe, expect, test } from 'vitest';

// What the replacement of threads rests on: a thread that is terminated inside a kernel leaves it between two turns of its loop, and the word
// that it keeps at the number of elements left says exactly which are changed.

const elements = 1 << 22;
const firstFree = 65536;
const vectorBytes = elements * 4;

const inThread = `
const { module, memory, from, to, flag } = require('node:worker_threads').workerData;
const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports;
Atomics.store(flag, 0, 1);
Atomics.notify(flag, 0);
run(from, to);
Atomics.store(flag, 0, 2);
`;

/** Vectors that each kernel changes, besides the gradient: arguments 0 and 4 to 6. */
const kernels: readonly [KernelName, number][] = [
  ['sgd', 2],
  ['adamw', 4],
  ['adagrad', 2],
  ['adadelta', 3],
  ['rmsprop', 4],
  ['lion', 2],
  ['movingAverage', 1],
];

function layOut(kernel: KernelName, vectors: number) {
  const { module } = loadKernelModule({ widen: true });
  const pages = 2 + Math.ceil(((vectors + 1) * vectorBytes) / 65536);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  const [progress, hyper, tapeAt, gradient] = [firstFree, firstFree + 64, firstFree + 512, firstFree + 65536] as const;
  const at = Array.from({ length: vectors }, (_, i) => gradient + (i + 1) * vectorBytes);
  const draws = random.generator(3);
  const floats = new Float32Array(memory.buffer, gradient, (vectors + 1) * elements);
  const some = Float32Array.from({ length: 4099 }, () => 0.1 + draws.uniform());
  for (let i = 0; i < floats.length; i += some.length) floats.set(some.subarray(0, floats.length - i), i);
  new Float32Array(memory.buffer, hyper, 16).fill(0.5);
  const tape = new TapeWriter();
  tape.kernel('track', progress);
  tape.kernel('unit', 2, elements);
  const [first, ...others] = at as [number, ...number[]];
  if (kernel === 'movingAverage') tape.kernel(kernel, first, gradient, elements, { f32: 0.5 }, { f32: 0.5 }, hyper);
  else tape.kernel(kernel, first, gradient, elements, hyper, ...others, ...[0, 0, 0].slice(others.length));
  const words = tape.finish();
  new Uint32Array(memory.buffer, tapeAt, words.length).set(words);
  return { module, memory, from: tapeAt, to: tapeAt + words.byteLength, progress, at };
}

/** Terminates a thread in the middle of the kernel. @returns how many elements it says that it has changed */
async function interrupted({ module, memory, from, to, progress }: ReturnType<typeof layOut>): Promise<number> {
  const left = new Int32Array(memory.buffer, progress, 2);
  left.fill(0);
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(inThread, { eval: true, workerData: { module, memory, from, to, flag } });
  const ended = once(worker, 'exit');
  const started = Atomics.waitAsync(flag, 0, 0);
  if (started.async) await started.value;
  const under = () => Atomics.load(left, 0) === 2 && Atomics.load(left, 1) < elements - 1000;
  while (!under() && Atomics.load(flag, 0) !== 2);
  await worker.terminate();
  await ended;
  return elements - (left[1] as number);
}

describe.each(kernels)('%s', (kernel, vectors) => {
  test('a terminated thread has changed whole elements, and says how many', async () => {
    const place = layOut(kernel, vectors);
    const views = place.at.map((address) => new Float32Array(place.memory.buffer, address, elements));
    const before = views.map((view) => view.slice());
    const restore = () => {
      views.forEach((view, i) => {
        view.set(before[i] as Float32Array);
      });
    };
    let changed = await interrupted(place);
    // On a busy machine the order to end may come too late.
    for (let attempt = 1; changed === elements && attempt < 50; attempt++) {
      restore();
      changed = await interrupted(place);
    }
    expect(changed).toBeGreaterThan(0);
    expect(changed).toBeLessThan(elements);
    const found = views.map((view) => view.slice());
    restore();
    instantiateKernels(place.module, place.memory).run(place.from, place.to);
    views.forEach((whole, i) => {
      const [was, is] = [before[i] as Float32Array, found[i] as Float32Array];
      expect(firstDifference(is.subarray(0, changed), whole.subarray(0, changed))).toBe(-1);
      expect(firstDifference(is.subarray(changed), was.subarray(changed))).toBe(-1);
    });
  });
});

function firstDifference(a: Float32Array, b: Float32Array): number {
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return i;
  return -1;
}
