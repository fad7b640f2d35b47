import binaryen from 'assemblyscript/binaryen';
import { expect, test } from 'vitest';

import { readKernelBytes } from './kernels-hash.ts';

/**
 * Relaxed SIMD may give different bits on different machines, so no such instruction may be in the kernels. Binaryen decodes the
 * module; its text names them `...relaxed...`.
 */
function relaxedInstructions(bytes: Uint8Array): string[] {
  const module = binaryen.readBinary(bytes);
  try {
    return module.emitText().match(/\S*relaxed\S*/g) ?? [];
  } finally {
    module.dispose();
  }
}

test('the kernels have no relaxed SIMD', () => {
  expect(relaxedInstructions(readKernelBytes())).toEqual([]);
});

test('a planted one is found', () => {
  const planted = binaryen.parseText(`(module
    (func (export "f") (param v128 v128 v128) (result v128)
      (f32x4.relaxed_madd (local.get 0) (local.get 1) (local.get 2))))`);
  planted.setFeatures(binaryen.Features.All);
  expect(relaxedInstructions(planted.emitBinary())).toHaveLength(1);
});
