import { UsageError } from '../errors.ts';
import { fromLevels, type ImageSample } from './image-sample.ts';
import type { DataSource } from './source.ts';

export interface ImageSourceOptions {
  /** The function that users called, for messages. */
  readonly name: string;
  readonly length: number;
  /** `[channels, height, width]` */
  readonly shape: readonly number[];
  label(index: number): number;
  /** Draws image `index`, levels 0..255. Pure. */
  draw(index: number, pixels: Uint8Array): void;
}

/** Above so many bytes of pixels nothing is kept, and each image is drawn whenever it is asked for. */
const largestCache = 128 * 2 ** 20;

/** A source of generated images of 8-bit levels as f32 in 0..1; an image is drawn at its first use and kept as bytes. */
export function imageSource({ name, length, shape, label, draw }: ImageSourceOptions): DataSource<ImageSample> {
  for (const [option, value] of Object.entries({ length, size: shape.at(-1) })) {
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new UsageError(`${name}: ${option} must be a whole number of at least 1, not ${value}.`);
  }
  const size = shape.reduce((n, d) => n * d, 1);
  const kept = length * size <= largestCache ? new Uint8Array(length * size) : undefined;
  const drawn = new Uint8Array(kept ? length : 0);
  const scratch = new Uint8Array(kept ? 0 : size);
  const pixelsOf = (i: number): Uint8Array => {
    const pixels = kept?.subarray(i * size, (i + 1) * size) ?? scratch;
    if (!drawn[i]) draw(i, pixels);
    if (kept) drawn[i] = 1;
    return pixels;
  };
  return {
    length,
    shapes: { image: shape, label: [] },
    sample: (i) => ({ image: fromLevels(pixelsOf(i)), label: Int32Array.of(label(i)) }),
  };
}
