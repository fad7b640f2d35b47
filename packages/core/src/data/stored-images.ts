import { createHash } from 'node:crypto';
import { DataError } from '../errors.ts';
import { fromLevels, type ImageSample } from './image-sample.ts';
import type { DataSource } from './source.ts';

export interface StoredImages {
  /** The function that users called and the files that were read, for messages. */
  readonly origin: string;
  /** Levels 0..255, `[images, ...shape]`. */
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  /** `[channels, height, width]` */
  readonly shape: readonly number[];
  readonly classes: number;
}

/**
 * Images kept as the bytes they come in and handed out as f32 in 0..1, so that a data set takes a quarter of the memory.
 *
 * @throws DataError if a label is out of range
 */
export function storedImages({ origin, pixels, labels, shape, classes }: StoredImages): DataSource<ImageSample> {
  const size = shape.reduce((n, d) => n * d, 1);
  const odd = labels.findIndex((label) => label >= classes);
  if (odd >= 0) {
    throw new DataError(
      `${origin}: image ${odd} has label ${labels[odd]}; labels go from 0 to ${classes - 1}. Is it another data set?`,
    );
  }
  return {
    length: labels.length,
    shapes: { image: shape, label: [] },
    digest: createHash('sha256').update(`images [${shape.join()}]`).update(pixels).update(labels).digest('hex'),
    sample: (i) => ({
      image: fromLevels(pixels.subarray(i * size, (i + 1) * size)),
      label: Int32Array.of(labels[i] as number),
    }),
  };
}
