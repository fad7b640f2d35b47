import { createHash } from 'node:crypto';

import type { Kernels } from './instance.ts';
import { type KernelName, opcode } from './opcodes.ts';

/**
 * SHA-256 (its first half) of the results of `knownAnswers`, the same on every machine. It changes only with what is asked, or with
 * the arithmetic of a kernel: then the numerics version changes too, since old checkpoints would go on with other bits.
 */
export const expectedAnswers = '2b997cfc42a70effb7fa01e549fd47fd';

/** Where the operands lie from the test's address on, and the results after them. */
const operandFloats = 64 * 1024;
const resultFloats = 64 * 1024;
const tapeBytes = 4096;
const fixedBytes = (operandFloats + resultFloats) * 4 + tapeBytes;

/** Bytes that `selfTest` and `measureTiles` use from their address on. */
export function selfTestBytes(kernels: Pick<Kernels, 'matmulScratchBytes'>): number {
  return fixedBytes + kernels.matmulScratchBytes;
}

/** Whether the kernels give the bits they must. Every thread asks once, before its first step; takes one to two milliseconds. */
export function selfTest(kernels: Kernels, memory: WebAssembly.Memory, address: number): boolean {
  return knownAnswers(kernels, memory, address) === expectedAnswers && keepsDenormals(kernels, memory, address);
}

/** Whether numbers below the smallest normal one stay what they are: native code in the process may have set the thread to flush them to zero. */
function keepsDenormals(kernels: Kernels, memory: WebAssembly.Memory, address: number): boolean {
  const { results, run } = openBench(kernels, memory, address);
  const words = new Uint32Array(memory.buffer, results, 32);
  // 7 times the smallest number there is; and 1.5 times the smallest normal one, whose half is none.
  words.set([7, 0x00c0_0000]);
  run('mulScalar', results + 64, results, 1, bitsOf(2));
  run('mulScalar', results + 68, results + 4, 1, bitsOf(0.5));
  return words[16] === 14 && words[17] === 0x0060_0000;
}

interface Bench {
  /** Operands: floats in [-4, 4), exact in their decimal form, and different everywhere. */
  readonly operands: number;
  readonly results: number;
  readonly scratch: number;
  run(name: KernelName, ...words: number[]): void;
}

function openBench(kernels: Kernels, memory: WebAssembly.Memory, address: number): Bench {
  const operands = new Float32Array(memory.buffer, address, operandFloats);
  let state = 1;
  for (let i = 0; i < operandFloats; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator: any fixed numbers do
    operands[i] = ((state >>> 8) - 2 ** 23) / 2 ** 21;
  }
  const results = address + operandFloats * 4;
  new Uint8Array(memory.buffer, results, resultFloats * 4).fill(0xff); // an earlier run's results must not pass for this one's
  const tape = results + resultFloats * 4;
  const words = new Uint32Array(memory.buffer, tape, tapeBytes / 4);
  return {
    operands: address,
    results,
    scratch: tape + tapeBytes,
    run(name, ...args) {
      words.set([opcode[name], (args.length + 2) * 4, ...args]);
      kernels.run(tape, tape + (args.length + 2) * 4);
    },
  };
}

/** The hash that `selfTest` compares. */
export function knownAnswers(kernels: Kernels, memory: WebAssembly.Memory, address: number): string {
  const bench = openBench(kernels, memory, address);
  const { operands: x, results, scratch } = bench;
  const [y, bias, segments] = [x + 4 * 20000, x + 4 * 60000, x + 4 * 61000];
  new Uint32Array(memory.buffer, segments, 6).set([0, 7, 64, 131, 270, 300]);
  let at = results;
  const take = (floats: number): number => {
    const out = at;
    at += Math.ceil(floats / 16) * 64;
    return out;
  };
  const [m, n, k] = [37, 53, 300];
  bench.run('matmul', take(m * n), x, y, m, n, k, k, 1, n, 1, 1, 0, 0, 0, 0, 0, bias, scratch);
  bench.run('matmul', take(m * n), x, y, m, n, k, k, 1, 1, k, 1, 0, 0, 0, 0, 0, 0, scratch);
  bench.run('matmul', take(m * n), x, y, m, n, k, 1, m, n, 1, 1, 0, 0, 0, segments, 5, bias, scratch);
  vectorKernels(bench, take);
  return createHash('sha256')
    .update(new Uint8Array(memory.buffer, results, at - results))
    .digest('hex')
    .slice(0, 32);
}

/** Every polynomial and the main loops of the kernels that V8 widens; 75 leaves a part of a vector over. */
function vectorKernels(bench: Bench, take: (floats: number) => number): void {
  const { operands: x, results, scratch } = bench;
  const [y, z, rows, columns] = [x + 4 * 5000, x + 4 * 10000, 5, 75];
  const n = rows * columns;
  const powers = take(n);
  bench.run('exp', powers, x, n);
  bench.run('log', take(n), powers, n); // of positive numbers: which NaN a negative one gives is the processor's business
  for (const kernel of ['sin', 'tanh', 'sigmoid', 'erf', 'gelu', 'softplus'] as const) {
    bench.run(kernel, take(n), x, n);
  }
  for (const kernel of ['reluGrad', 'geluGrad', 'geluTanhGrad', 'siluGrad'] as const)
    bench.run(kernel, take(n), x, y, n);
  for (const kernel of ['add', 'mul', 'div'] as const) bench.run(kernel, take(n), x, y, rows, columns, 0, 1);
  bench.run('softmax', take(n), x, rows, columns);
  bench.run('softmaxGrad', take(n), x, y, rows, columns);
  bench.run('layerNorm', take(n), x, y, z, rows, columns, bitsOf(1e-5));
  bench.run('layerNormGradInput', take(n), x, y, z, rows, columns, bitsOf(1e-5));
  bench.run('reduceSum', take(rows), x, rows, columns, 1);
  // 2 samples of 9 channels, 7 x 6, to 8 filters with padding 1: tiles that hang over the edge
  const sizes = [2, 1, 9, 8, 7, 6, 3, 3, 7, 6, 1, 1, 1, 1, 1, 1];
  const [images, outputs, strips] = [2 * 9 * 42, 2 * 8 * 42, 3];
  const segments = take(3);
  bench.run('literal', segments, 3, 0, 1, 2);
  bench.run('winograd', take(outputs), x, y, z, ...sizes, 0, strips, scratch);
  bench.run('winogradGradInput', take(images), x, y, 0, ...sizes, 0, strips, scratch);
  bench.run('winogradGradWeight', take(9 * 8 * 9), x, y, segments, 2, ...sizes, strips, scratch);
  // parameters and their state are changed in place: first made of numbers that a step can start from
  const [p, m, v, hyper] = [take(n), take(n), take(n), take(16)];
  bench.run('tanh', p, x, n);
  bench.run('sigmoid', m, y, n);
  bench.run('square', v, m, n);
  const options = [1e-3, 0.5, 0, 0.19, 0.03, 4, 0.9, 0.999, 1e-8, 0.01, 1];
  bench.run('literal', hyper, options.length, ...options.map(bitsOf));
  bench.run('adamw', p, z, n, hyper, m, v, 0);
  if (take(0) > results + resultFloats * 4) throw new RangeError('the self-test has more results than room');
}

const converter = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  converter.setFloat32(0, value);
  return converter.getUint32(0);
}

/**
 * How much faster matmul's wide tiles are than its narrow ones: about 1.3 when V8 fused the vectors, and 0.8 when it did not, for
 * then the wide tile's sums do not fit into the registers of x64 (measured on AMD Zen 4, Node 24). Takes about 3 ms.
 */
export function measureTiles(kernels: Kernels, memory: WebAssembly.Memory, address: number): number {
  const bench = openBench(kernels, memory, address);
  const [m, n, k] = [64, 64, 256];
  const best = [Infinity, Infinity];
  for (let round = 0; round < 20; round++) {
    for (const narrow of [0, 1]) {
      kernels.setNarrowTiles(narrow === 1);
      const start = performance.now();
      bench.run(
        'matmul',
        bench.results,
        bench.operands,
        bench.operands + 4 * m * k,
        m,
        n,
        k,
        k,
        1,
        n,
        1,
        1,
        0,
        0,
        0,
        0,
        0,
        0,
        bench.scratch,
      );
      best[narrow] = Math.min(best[narrow]!, performance.now() - start);
    }
  }
  return best[1]! / best[0]!;
}
