import { expect, test } from 'vitest';

import { createHarness } from './kernel-harness.ts';
import { kernelTable, opcode } from './opcodes.ts';

test('every kernel has an opcode of its own, from 1', () => {
  const names = Object.values(kernelTable).flat();
  expect(names.map((name) => opcode[name])).toEqual(names.map((_, index) => index + 1));
  expect(Object.keys(opcode)).toHaveLength(names.length); // a name given twice would be one key
});

test('an opcode that is none traps, also that of zeroed memory', () => {
  const { alloc, kernels, i32 } = createHarness();
  const zeroed = alloc(16);
  expect(() => kernels.run(zeroed, zeroed + 8)).toThrow(WebAssembly.RuntimeError);
  const beyond = i32([Object.keys(opcode).length + 1, 8]);
  expect(() => kernels.run(beyond, beyond + 8)).toThrow(WebAssembly.RuntimeError);
});

test('a tape of several instructions runs in order', () => {
  const h = createHarness();
  const [x, y, z] = [h.f32([1, 2]), h.alloc(1), h.alloc(1)];
  const dot = (out: number, a: number, b: number, k: number): ['matmul', ...number[]] => [
    'matmul',
    out,
    a,
    b,
    1,
    1,
    k,
    k,
    1,
    1,
    1,
    1,
    0,
    0,
    0,
    0,
    0,
    0,
    h.scratch,
  ];
  h.tape([dot(y, x, x, 2), dot(z, y, y, 1)]);
  expect(h.read(z, 1)).toEqual(Float32Array.of(25));
});
