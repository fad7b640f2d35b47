import { expect, test } from 'vitest';
import { loadKernelModule } from '../kernels/loader.ts';
import { kernelFill } from './kernel-fill.ts';
import { deriveKey, pathId } from './keys.ts';
import { RandomStream } from './stream.ts';

/** As words, since -0 is not 0. */
const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

test.each([true, false])('the kernels draw the bits of RandomStream, widened %s', (widen) => {
  const fill = kernelFill(loadKernelModule({ widen }).module);
  const key = deriveKey(2 ** 53 - 1, 'init');
  for (const length of [0, 1, 2, 3, 4, 5, 4095, 4096, 4097, 300_000]) {
    const [slow, fast] = [undefined, fill].map((way) => {
      const stream = new RandomStream(key, pathId(`weights of ${length}`), way);
      const [uniform, normal] = [new Float32Array(length + 4), new Float32Array(length + 4)];
      stream.fillUniform(uniform.subarray(1, length + 1), -0.3, 0.7);
      stream.fillNormal(normal.subarray(2, length + 2), 1e-3, 0.02);
      return { uniform: bits(uniform), normal: bits(normal) };
    });
    expect(fast, `${length} numbers`).toEqual(slow);
  }
});

test('the same at both ends of the radius', () => {
  const fill = kernelFill(loadKernelModule().module);
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (let stream = 0; stream < 40; stream++) {
    const values = new Float32Array(50_000);
    const key = deriveKey(stream, 'noise');
    new RandomStream(key, stream, fill).fillNormal(values, 0, 1);
    const slow = new RandomStream(key, stream);
    for (let i = 0; i < values.length; i += 2) {
      const [x, y] = [values[i] as number, values[i + 1] as number];
      const radius = Math.hypot(x, y);
      if (radius > least && radius < most) continue;
      [least, most] = [Math.min(least, radius), Math.max(most, radius)];
      expect([x, y]).toEqual([Math.fround(slow.normal(i)), Math.fround(slow.normal(i + 1))]);
    }
  }
  expect(least).toBeLessThan(0.005);
  expect(most).toBeGreaterThan(5);
});
