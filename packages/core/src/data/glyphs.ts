import { UsageError } from '../errors.ts';
import { cos, sin } from '../math/index.ts';
import { deriveKey, type Key, pathId, philox4x32 } from '../random/index.ts';
import { described, plainOptions } from './described.ts';
import { drawLine } from './draw-strokes.ts';
import { digitStrokes, type Stroke } from './glyph-strokes.ts';
import type { ImageSample } from './image-sample.ts';
import { imageSource } from './image-source.ts';
import type { DataSource } from './source.ts';

export interface GlyphOptions {
  /** The two share no image; default 'train'. */
  readonly split?: 'train' | 'test';
  readonly seed?: number;
  /** Images; default 20 000 of the train split and 4 000 of the test split. */
  readonly length?: number;
  /** Pixels of a side; default 28. */
  readonly size?: number;
  /** The digits to draw, in turn; an image's label is its digit's place in this list. Default 0 to 9. */
  readonly classes?: readonly number[];
}

const defaultLengths = { train: 20_000, test: 4_000 };
const allDigits = Array.from({ length: 10 }, (_, digit) => digit);
/** Random words that place and shape one glyph; those of its noise follow. */
const shapeWords = 16;

/**
 * Handwriting-like digits, drawn by strokes that are bent, slanted, turned, scaled and shifted, with a pen of random width, softness
 * and strength, and noise over them: `{ image: f32 [1, size, size] in 0..1, label: i32 [] }`. About as hard as MNIST: a linear model
 * stays under 92 %, a small convolutional network passes 99 %. Every image is a function of (seed, split, index), the same bits on
 * every platform.
 *
 * @throws UsageError if an option is out of range
 */
export function glyphs(options: GlyphOptions = {}): DataSource<ImageSample> {
  const { split = 'train', seed = 0, size = 28, classes = allDigits } = options;
  if (split !== 'train' && split !== 'test')
    throw new UsageError(`data.glyphs: split must be "train" or "test", not ${JSON.stringify(split)}.`);
  const bad = classes.find((digit) => !allDigits.includes(digit));
  if (bad !== undefined || classes.length === 0)
    throw new UsageError(`data.glyphs: classes must be digits from 0 to 9, not ${bad ?? 'none'}.`);
  const key = deriveKey(seed, 'data');
  const stream = pathId(`glyphs/${split}`);
  const canvas = new Float64Array(size * size);
  const source = imageSource({
    name: 'data.glyphs',
    length: options.length ?? defaultLengths[split],
    shape: [1, size, size],
    label: (i) => i % classes.length,
    draw: (i, pixels) =>
      drawGlyph({ digit: classes[i % classes.length] as number, key, stream, index: i, size }, canvas, pixels),
  });
  return described(source, { kind: 'glyphs', options: plainOptions(options), files: [] });
}

interface Glyph {
  readonly digit: number;
  readonly key: Key;
  readonly stream: number;
  readonly index: number;
  readonly size: number;
}

const words = new Uint32Array(shapeWords);

function drawGlyph({ digit, key, stream, index, size }: Glyph, canvas: Float64Array, pixels: Uint8Array): void {
  const draw = (block: number, at: number) => philox4x32(block, stream, index >>> 0, 0, key[0], key[1], words, at);
  for (let at = 0; at < shapeWords; at += 4) draw(at / 4, at);
  /** In [low, high), by the word's place. */
  const between = (word: number, low: number, high: number) => low + (high - low) * (words[word] as number) * 2 ** -32;

  const ways = digitStrokes[digit] as readonly (readonly Stroke[])[];
  const strokes = ways[Math.floor(between(0, 0, ways.length))] as readonly Stroke[];
  const toPixel = placement(between, size);
  const pen = { radius: between(9, 0.022, 0.06) * size, softness: between(10, 0.035, 0.075) * size };
  canvas.fill(0);
  for (const stroke of strokes) {
    let [x, y] = toPixel(stroke[0] as number, stroke[1] as number);
    for (let p = 2; p < stroke.length; p += 2) {
      const [nextX, nextY] = toPixel(stroke[p] as number, stroke[p + 1] as number);
      drawLine(canvas, size, [x, y, nextX, nextY], pen);
      [x, y] = [nextX, nextY];
    }
  }

  const strength = between(11, 0.6, 1);
  const noise = between(12, 0, 0.2);
  for (let p = 0; p < pixels.length; p++) {
    // A pixel's noise is the sum of the two halves of a word: a triangle over [-1, 1].
    if (p % 4 === 0) draw((shapeWords + p) / 4, 0);
    const word = words[p % 4] as number;
    const grain = ((word >>> 16) + (word & 0xffff)) * 2 ** -16 - 1;
    const value = (canvas[p] as number) * strength + noise * grain;
    pixels[p] = Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5);
  }
}

/** From the strokes' plane to pixels: bent, then slanted, scaled, turned and shifted. */
function placement(between: (word: number, low: number, high: number) => number, size: number) {
  const [bendX, bendY, twist] = [between(1, -0.2, 0.2), between(2, -0.2, 0.2), between(3, -0.2, 0.2)];
  const slant = between(4, -0.3, 0.3);
  const height = between(5, 0.25, 0.38) * size;
  const width = height * between(6, 0.75, 1.25);
  const angle = between(7, -0.3, 0.3);
  const [c, s] = [cos(angle), sin(angle)];
  const centreX = (size - 1) / 2 + between(8, -0.1, 0.1) * size;
  const centreY = (size - 1) / 2 + between(13, -0.1, 0.1) * size;
  return (x: number, y: number): [number, number] => {
    const bentX = x + bendX * (y * y - 0.5) + twist * x * y;
    const bentY = y + bendY * (2 * x * x - 0.5) + twist * x;
    const u = width * (bentX - slant * bentY);
    const v = height * bentY;
    return [centreX + c * u - s * v, centreY + s * u + c * v];
  };
}
