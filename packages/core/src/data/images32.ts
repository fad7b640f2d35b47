import { UsageError } from '../errors.ts';
import { cos, sin } from '../math/index.ts';
import { deriveKey, pathId, philox4x32 } from '../random/index.ts';
import { described, plainOptions } from './described.ts';
import type { ImageSample } from './image-sample.ts';
import { imageSource } from './image-source.ts';
import { type Picture, pictureClasses } from './picture-classes.ts';
import type { DataSource } from './source.ts';

export interface Images32Options {
  /** The two share no image; default 'train'. */
  readonly split?: 'train' | 'test';
  readonly seed?: number;
  /** Images; default 5 000 of the train split and 1 000 of the test split. */
  readonly length?: number;
}

const defaultLengths = { train: 5_000, test: 1_000 };
const side = 32;
const area = side * side;
/** Random words that place and colour one picture; those of its noise follow. */
const pictureWords = 16;
/** Each pixel is looked at in so many places a side: its share of the object's colour is a smooth edge. */
const looks = 2;

/** What the labels of `images32` stand for. */
export const images32Classes: readonly string[] = Object.keys(pictureClasses);

/**
 * Generated colour images of ten classes, seven shapes and three textures, at any place, size, angle and colour, under uneven light and
 * noise: `{ image: f32 [3, 32, 32] in 0..1, label: i32 [] }`. They stand in for CIFAR-10 where nothing can be downloaded. Every image is a
 * function of (seed, split, index), the same bits on every platform.
 */
export function images32(options: Images32Options = {}): DataSource<ImageSample> {
  const { split = 'train', seed = 0, length } = options;
  if (split !== 'train' && split !== 'test')
    throw new UsageError(`data.images32: split must be "train" or "test", not ${JSON.stringify(split)}.`);
  const key = deriveKey(seed, 'data');
  const stream = pathId(`images32/${split}`);
  const pictures = Object.values(pictureClasses);
  const source = imageSource({
    name: 'data.images32',
    length: length ?? defaultLengths[split],
    shape: [3, side, side],
    label: (i) => i % pictures.length,
    draw: (i, pixels) =>
      drawPicture(
        pictures[i % pictures.length] as Picture,
        (block, at) => philox4x32(block, stream, i >>> 0, 0, key[0], key[1], words, at),
        pixels,
      ),
  });
  return described(source, { kind: 'images32', options: plainOptions(options), files: [] });
}

const words = new Uint32Array(pictureWords);

function drawPicture(picture: Picture, draw: (block: number, at: number) => void, pixels: Uint8Array): void {
  for (let at = 0; at < pictureWords; at += 4) draw(at / 4, at);
  /** In [low, high), by the word's place. */
  const between = (word: number, low: number, high: number) => low + (high - low) * (words[word] as number) * 2 ** -32;

  const object = coverage(picture, between);
  // One of the two is lighter than the other in every channel.
  const swap = between(10, 0, 1) < 0.5;
  const colours = [0, 1, 2].map((channel): readonly [number, number] => {
    const [dark, light] = [between(4 + channel, 0.05, 0.45), between(7 + channel, 0.55, 0.95)];
    return swap ? [light, dark] : [dark, light];
  });
  const [lightX, lightY] = [between(11, -0.2, 0.2) / side, between(12, -0.2, 0.2) / side];
  const noise = between(13, 0.02, 0.16);
  for (let p = 0; p < pixels.length; p++) {
    // A value's noise is the sum of the two halves of a word: a triangle over [-1, 1].
    if (p % 4 === 0) draw((pictureWords + p) / 4, 0);
    const word = words[p % 4] as number;
    const grain = ((word >>> 16) + (word & 0xffff)) * 2 ** -16 - 1;
    const at = p % area;
    const [back, front] = colours[Math.floor(p / area)] as [number, number];
    const light = lightX * ((at % side) - side / 2) + lightY * (Math.floor(at / side) - side / 2);
    const value = back + (front - back) * (object[at] as number) + light + noise * grain;
    pixels[p] = Math.floor(Math.min(1, Math.max(0, value)) * 255 + 0.5);
  }
}

const shares = new Float64Array(area);

/** The object's share of every pixel, in 0..1, at a random place, size and angle. */
function coverage(picture: Picture, between: (word: number, low: number, high: number) => number): Float64Array {
  const middle = (side - 1) / 2;
  const [centreX, centreY] = [middle + between(0, -4, 4), middle + between(1, -4, 4)];
  const radius = between(2, 8.5, 13);
  const angle = between(3, -0.6, 0.6);
  const [c, s] = [cos(angle) / radius, sin(angle) / radius];
  for (let at = 0; at < area; at++) {
    let hits = 0;
    for (let look = 0; look < looks * looks; look++) {
      const x = (at % side) + ((look % looks) + 0.5) / looks - 0.5 - centreX;
      const y = Math.floor(at / side) + (Math.floor(look / looks) + 0.5) / looks - 0.5 - centreY;
      if (picture(c * x + s * y, c * y - s * x)) hits++;
    }
    shares[at] = hits / (looks * looks);
  }
  return shares;
}
