import { writeFileSync } from 'node:fs';
import { encode } from 'fast-png';

/** One image: values in 0..1, `[1, height, width]` in grey or `[3, height, width]` in colour. */
export interface Picture {
  readonly data: ArrayLike<number>;
  readonly shape: readonly number[];
}

/** Pixels between the images of a contact sheet, and around them. */
const gap = 2;

/** The images of a batch `[images, channels, height, width]`, one by one. */
export function picturesOf(data: Float32Array, shape: readonly number[]): Picture[] {
  const [count = 0, ...one] = shape;
  const size = one.reduce((n, d) => n * d, 1);
  return Array.from({ length: count }, (_, i) => ({ data: data.subarray(i * size, (i + 1) * size), shape: one }));
}

/**
 * Lays images of one shape side by side on a mid-grey ground, `columns` in a row.
 *
 * @param zoom each pixel becomes a square of so many
 * @throws RangeError where the images differ in shape, or have neither one channel nor three
 */
export function contactSheet(images: readonly Picture[], columns: number, zoom = 2): Picture {
  const [channels = 0, height = 0, width = 0] = images[0]?.shape ?? [];
  const odd = images.find(({ shape }) => shape.length !== 3 || String(shape) !== String([channels, height, width]));
  if (odd || (channels !== 1 && channels !== 3))
    throw new RangeError(`A contact sheet needs images of one shape, [1 or 3, height, width], not [${odd?.shape}].`);
  const rows = Math.ceil(images.length / columns);
  const [sheetHeight, sheetWidth] = [rows * (height * zoom + gap) + gap, columns * (width * zoom + gap) + gap];
  const data = new Float32Array(channels * sheetHeight * sheetWidth).fill(0.5);
  for (const [i, image] of images.entries()) {
    const top = gap + Math.floor(i / columns) * (height * zoom + gap);
    const left = gap + (i % columns) * (width * zoom + gap);
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height * zoom; y++) {
        for (let x = 0; x < width * zoom; x++) {
          const from = (c * height + Math.floor(y / zoom)) * width + Math.floor(x / zoom);
          data[(c * sheetHeight + top + y) * sheetWidth + left + x] = image.data[from] as number;
        }
      }
    }
  }
  return { data, shape: [channels, sheetHeight, sheetWidth] };
}

/** Values beyond 0..1 are cut off. */
export function encodePng({ data, shape }: Picture): Uint8Array {
  const [channels, height, width] = shape as [number, number, number];
  const area = height * width;
  const bytes = new Uint8Array(channels * area);
  for (let p = 0; p < area; p++) {
    for (let c = 0; c < channels; c++) {
      bytes[p * channels + c] = Math.round(Math.min(1, Math.max(0, data[c * area + p] as number)) * 255);
    }
  }
  return encode({ width, height, data: bytes, channels, depth: 8 });
}

export const writePng = (path: string, image: Picture): void => writeFileSync(path, encodePng(image));
