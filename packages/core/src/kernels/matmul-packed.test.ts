import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats } from '../../../../test/support/kernel-cases.ts';
import { packedProductBytes } from '../ops/recurrent-operands.ts';
import { createHarness } from './kernel-harness.ts';

// The bits of `matmul`, with the right-hand side packed beforehand.

describe.each([true, false])('widened %s', (widen) => {
  const h = createHarness({ widen });

  test.each([
    [1, 1, 1],
    [3, 5, 7],
    [4, 16, 256],
    [5, 17, 257],
    [8, 48, 300],
    [131, 33, 70],
    [33, 40, 600],
    [131, 16, 300],
  ])('%i x %i x %i', (m, n, k) => {
    const [pitch, width] = [k + 3, Math.ceil(n / 16) * 16];
    const [a, bias] = [h.f32(floats(m * pitch, 1)), h.f32(floats(n, 3))];
    const transposed = floats(k * n, 2);
    const right = Float32Array.from({ length: k * n }, (_, i) => transposed[(i % n) * k + Math.floor(i / n)] as number);
    const plain = (b: number, bas: [number, number], withBias: number): Float32Array => {
      const out = h.alloc(m * n);
      h.call('matmul', out, a, b, m, n, k, pitch, 1, ...bas, 1, 0, 0, 0, 0, 0, withBias, h.scratch);
      return h.read(out, m * n);
    };
    const packed = h.alloc(k * width);
    const out = h.alloc(m * n + 16);
    const scratch = h.alloc(packedProductBytes / 4 + 16);
    for (const [b, strides] of [
      [h.f32(right), [n, 1]],
      [h.f32(transposed), [1, k]],
    ] as const) {
      for (const withBias of [0, bias]) {
        h.call('packRight', packed, b, k, n, ...strides);
        h.call('matmulPacked', out, a, packed, m, n, k, pitch, 0, withBias, scratch);
        const wanted = plain(b, [...strides], withBias);
        expect(bitsOf(h.read(out, m * n))).toEqual(bitsOf(wanted));
      }
    }
    expect([...h.read(scratch + packedProductBytes, 16)], 'no more scratch is used than is asked for').toEqual(
      Array(16).fill(0),
    );
    const once = h.read(out, m * n);
    h.call('matmulPacked', out, a, packed, m, n, k, pitch, 1, 0, h.scratch);
    const wanted = plain(h.f32(right), [n, 1], 0).map((x, i) => x + (once[i] as number));
    expectClose(h.read(out, m * n), wanted, 2e-4, 'added to what was there');
    expect([...h.read(out + m * n * 4, 16)]).toEqual(Array(16).fill(0));
  });
});
