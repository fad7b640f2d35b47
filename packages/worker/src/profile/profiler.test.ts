import { type Kernels, TapeWriter } from '@lockstep/core/internal';
import { expect, test } from 'vitest';
import { Profiler } from './profiler.ts';

/** A thread that runs the same tape as many times; the kernels only note where they were sent. */
function profileOf(runs: number) {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const tape = new TapeWriter();
  tape.kernel('matmul', 0, 0, 0, 5, 6, 7, 0, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0);
  tape.kernel('relu', 0, 0, 4);
  tape.kernel('decide', 0, 0, 0, 1, 0);
  const words = tape.finish();
  new Uint32Array(memory.buffer, 64, words.length).set(words);
  const ran: [number, number][] = [];
  const kernels: Kernels = {
    run: (pc, end) => void ran.push([pc, end]),
    matmulScratchBytes: 0,
    widened: false,
    setNarrowTiles: () => undefined,
  };
  const profiler = new Profiler(kernels, memory, 1);
  for (let i = 0; i < runs; i++) profiler.run(64, 64 + words.byteLength);
  return { report: profiler.report(), ran, end: 64 + words.byteLength };
}

test('every instruction is run by itself, in order, without a gap', () => {
  const { ran, end } = profileOf(1);
  expect(ran.length).toBe(3);
  expect(ran[0]?.[0]).toBe(64);
  expect(ran.map(([pc]) => pc).slice(1)).toEqual(ran.map(([, next]) => next).slice(0, -1));
  expect(ran.at(-1)?.[1]).toBe(end);
});

test('steps after the warm-up are counted, and what they were made of', () => {
  const { report } = profileOf(3 + 5);
  expect(report).toMatchObject({ thread: 1, steps: 5 });
  expect(report.kernels.map(({ name, phase, calls }) => [name, phase, calls])).toEqual([
    ['matmul', 'matmul', 5],
    ['relu', 'elementwise', 5],
    ['decide', 'overhead', 5],
  ]);
  const spent = report.kernels.reduce((sum, { ms }) => sum + ms, 0) + report.waitingMs;
  expect(spent).toBeCloseTo(report.wallMs, 6);
});

test('the first steps are traced, products with their sizes', () => {
  const { trace } = profileOf(3 + 5).report;
  expect(trace.length).toBe(9);
  expect(trace[0]).toMatchObject({ name: 'matmul', size: '2 x 5 x 6 x 7 in 3 segments' });
  expect(trace[1]).toMatchObject({ name: 'relu', size: '' });
});

test('a run that ends in its warm-up has no times', () => {
  expect(profileOf(2).report).toMatchObject({ steps: 0, wallMs: 0, kernels: [], trace: [] });
});
