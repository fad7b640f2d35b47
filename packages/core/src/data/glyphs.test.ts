import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { UsageError } from '../errors.ts';
import { type GlyphOptions, glyphs } from './glyphs.ts';
import type { ImageSample } from './image-sample.ts';

const at = (options: GlyphOptions, i: number) => glyphs(options).sample(i) as ImageSample;

function digestOf(options: GlyphOptions, indices: readonly number[]): string {
  const source = glyphs(options);
  const hash = createHash('sha256');
  for (const i of indices) {
    const { image, label } = source.sample(i) as ImageSample;
    hash.update(new Uint8Array(image.buffer)).update(new Uint8Array(label.buffer));
  }
  return hash.digest('hex');
}

test('the same images on every platform', () => {
  const indices = Array.from({ length: 30 }, (_, i) => i * 101);
  expect(digestOf({}, indices)).toBe('33d903bf397cf1659df807851bcf10f1c13138b0e9fc56b8bc69e8c53e6cfaaf');
  expect(digestOf({ split: 'test', seed: 3, size: 17 }, indices)).toBe(
    '4ac4b7415df7850d6c2d453788adca75b23dbc4873975ee90c317ee8876ce894',
  );
});

test('an image depends on its index alone: not on the order, the length, or what was drawn before', () => {
  const [forward, backward] = [glyphs({ length: 12 }), glyphs({ length: 40 })];
  const images = Array.from({ length: 12 }, (_, i) => forward.sample(i));
  for (let i = 11; i >= 0; i--) expect(backward.sample(i)).toEqual(images[i]);
  expect(forward.sample(5)).toEqual(images[5]);
  // Too many for the cache.
  expect(glyphs({ length: 10 ** 6 }).sample(5)).toEqual(images[5]);
});

test('levels in 0..1, ink on every image, and no two alike, also between splits and seeds', () => {
  const images = [{}, { split: 'test' as const }, { seed: 1 }].flatMap((options) => {
    const source = glyphs(options);
    return Array.from({ length: 100 }, (_, i) => (source.sample(i) as ImageSample).image);
  });
  for (const image of images) {
    expect(image).toHaveLength(784);
    expect(Math.min(...image)).toBe(0);
    expect(Math.max(...image)).toBeGreaterThan(0.4);
    expect(Math.max(...image)).toBeLessThanOrEqual(1);
  }
  expect(new Set(images.map((image) => Buffer.from(image.buffer).toString('latin1'))).size).toBe(300);
});

test('labels are places in the list of classes', () => {
  const all = glyphs({ length: 20 });
  expect(Array.from({ length: 20 }, (_, i) => (all.sample(i) as ImageSample).label[0])).toEqual(
    Array.from({ length: 20 }, (_, i) => i % 10),
  );
  expect([0, 1, 2].map((i) => at({ classes: [8, 3] }, i).label[0])).toEqual([0, 1, 0]);
  expect(at({ classes: [8, 3] }, 0).image).toEqual(at({ classes: [8] }, 0).image);
  expect(at({ classes: [8, 3] }, 0).image).not.toEqual(at({ classes: [3] }, 0).image);
});

test('lengths and shapes', () => {
  expect([glyphs().length, glyphs({ split: 'test' }).length]).toEqual([20_000, 4_000]);
  expect(glyphs({ size: 9 }).shapes).toEqual({ image: [1, 9, 9], label: [] });
  expect(at({ size: 9 }, 0).image).toHaveLength(81);
});

test.each([
  [{ classes: [3, 10] }, 'classes must be digits from 0 to 9, not 10'],
  [{ classes: [] }, 'classes must be digits from 0 to 9, not none'],
  [{ length: 0 }, 'length must be a whole number of at least 1, not 0'],
  [{ size: 2.5 }, 'size must be a whole number of at least 1, not 2.5'],
  [{ split: 'validation' as 'test' }, 'split must be "train" or "test", not "validation"'],
])('%j is refused', (options, message) => {
  expect(() => glyphs(options)).toThrow(UsageError);
  expect(() => glyphs(options)).toThrow(message);
});
