import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import type { ImageSample } from './image-sample.ts';
import { images32, images32Classes } from './images32.ts';

function digestOf(options: Parameters<typeof images32>[0], indices: readonly number[]): string {
  const source = images32(options);
  const hash = createHash('sha256');
  for (const i of indices) {
    const { image, label } = source.sample(i) as ImageSample;
    hash.update(new Uint8Array(image.buffer)).update(new Uint8Array(label.buffer));
  }
  return hash.digest('hex');
}

const indices = Array.from({ length: 30 }, (_, i) => i * 31);

test('the same images on every platform, others for each split and seed', () => {
  expect(digestOf({}, indices)).toBe('6b076d5cbca3382a73ddb9b0f667574211117936b1258293162561c092b35d6c');
  const others = [digestOf({}, indices), digestOf({ split: 'test' }, indices), digestOf({ seed: 1 }, indices)];
  expect(new Set(others).size).toBe(3);
  expect(digestOf({ length: 1000 }, [...indices].reverse())).toBe(digestOf({}, [...indices].reverse()));
});

test('ten classes in turn, every image in 0..1 with two clearly different colours', () => {
  const source = images32({ length: 50 });
  expect(source.shapes).toEqual({ image: [3, 32, 32], label: [] });
  expect(images32Classes).toHaveLength(10);
  for (let i = 0; i < 50; i++) {
    const { image, label } = source.sample(i) as ImageSample;
    expect(label).toEqual(new Int32Array([i % 10]));
    expect(Math.min(...image)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...image)).toBeLessThanOrEqual(1);
    const spreads = [0, 1, 2].map((c) => {
      const sorted = image.slice(c * 1024, (c + 1) * 1024).sort();
      return (sorted[1023 - 20] as number) - (sorted[20] as number);
    });
    expect(Math.max(...spreads)).toBeGreaterThan(0.35);
  }
  expect([images32().length, images32({ split: 'test' }).length]).toEqual([5_000, 1_000]);
});

test('what is out of range is refused', () => {
  expect(() => images32({ split: 'all' as 'test' })).toThrow(UsageError);
  expect(() => images32({ length: 1.5 })).toThrow(
    'data.images32: length must be a whole number of at least 1, not 1.5',
  );
});
