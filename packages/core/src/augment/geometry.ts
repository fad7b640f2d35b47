import { UsageError } from '../errors.ts';
import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { greaterEqual } from '../ops/compare.ts';
import { cos, sin } from '../ops/elementwise.ts';
import { full } from '../ops/leaf.ts';
import { concat } from '../ops/movement.ts';
import { affineWarp } from '../ops/warp.ts';
import { between, drawColumns, type Interval, imageSizes, isTraining, probability, symmetric } from './parameters.ts';

export interface RandomAffineOptions {
  /** Turned by up to so many degrees to either side, or from and to. */
  readonly degrees?: number | Interval;
  /** Shifted by up to these fractions of width and height. */
  readonly translate?: Interval;
  /** Factor of the size, from and to; default 1. */
  readonly scale?: Interval;
  /** Slanted along x by up to so many degrees to either side, or from and to. */
  readonly shear?: number | Interval;
}

const radians = Math.PI / 180;

/**
 * Turns, shifts, scales and slants each image about its centre, bilinear, with 0 beyond its edge: `[batch, channels, height, width]` in and
 * out. As `torchvision.transforms.RandomAffine`, each sample by its own random numbers; the identity outside of training.
 *
 * @throws UsageError if an option is out of range or x are no images
 */
export function randomAffine(x: Tensor, options: RandomAffineOptions): Tensor {
  const { height, width } = imageSizes(x, 'randomAffine');
  const degrees = symmetric(options.degrees ?? 0, 'randomAffine: degrees');
  const shear = symmetric(options.shear ?? 0, 'randomAffine: shear');
  const [shiftX, shiftY] = options.translate ?? [0, 0];
  if (!(shiftX >= 0 && shiftX <= 1 && shiftY >= 0 && shiftY <= 1))
    throw new UsageError(`augment.randomAffine: translate [${shiftX}, ${shiftY}] must be fractions in [0, 1].`);
  const scale = options.scale ?? [1, 1];
  if (!(scale[0] > 0 && scale[0] <= scale[1] && Number.isFinite(scale[1])))
    throw new UsageError(`augment.randomAffine: scale [${scale.join(', ')}] must be [low, high] above 0.`);
  if (!(shear[0] > -90 && shear[1] < 90))
    throw new UsageError(`augment.randomAffine: shear [${shear.join(', ')}] must lie between -90 and 90 degrees.`);
  if (!isTraining()) return x;

  const [u0, u1, u2, u3, u4] = drawColumns(x, 5) as [Tensor, Tensor, Tensor, Tensor, Tensor];
  const angle = between(u0, degrees).mul(radians);
  const slant = between(u1, shear).mul(radians);
  const size = between(u2, scale);
  const dx = between(u3, [-shiftX * width, shiftX * width]);
  const dy = between(u4, [-shiftY * height, shiftY * height]);
  // Output = rotation * shear * size * input, about the centre; the matrix is its inverse.
  const [c, s] = [cos(angle), sin(angle)];
  const tan = sin(slant).div(cos(slant));
  const m0 = c.sub(s.mul(tan)).div(size);
  const m1 = c.mul(tan).add(s).div(size);
  const m3 = s.neg().div(size);
  const m4 = c.div(size);
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const [fromX, fromY] = [dx.add(centreX), dy.add(centreY)];
  const m2 = m0.mul(fromX).add(m1.mul(fromY)).sub(centreX).neg();
  const m5 = m3.mul(fromX).add(m4.mul(fromY)).sub(centreY).neg();
  return affineWarp(x, concat([m0, m1, m2, m3, m4, m5], 1));
}

/** Turns each image about its centre by up to `degrees` to either side, or from and to; the identity outside of training. */
export function randomRotation(x: Tensor, { degrees }: { readonly degrees: number | Interval }): Tensor {
  return randomAffine(x, { degrees });
}

export interface RandomCropOptions {
  /** Height and width of the output; default: the image's. */
  readonly size?: number | readonly [number, number];
  /** Zeros around the image before it is cut; default 0. */
  readonly padding?: number;
}

/**
 * Cuts a window of `size` out of each padded image, at a random whole place: `[batch, channels, height, width]` to
 * `[batch, channels, ...size]`. As `torchvision.transforms.RandomCrop`. Outside of training it is the window in the middle.
 *
 * @throws UsageError if the window is larger than the padded image
 */
export function randomCrop(x: Tensor, { size, padding = 0 }: RandomCropOptions): Tensor {
  const { height, width } = imageSizes(x, 'randomCrop');
  const [outHeight, outWidth] = size === undefined ? [height, width] : typeof size === 'number' ? [size, size] : size;
  for (const [name, value, least] of [
    ['size', outHeight, 1],
    ['size', outWidth, 1],
    ['padding', padding, 0],
  ] as const) {
    if (!Number.isInteger(value) || value < least)
      throw new UsageError(`augment.randomCrop: ${name} must be a whole number of at least ${least}, not ${value}.`);
  }
  const [placesY, placesX] = [height + 2 * padding - outHeight + 1, width + 2 * padding - outWidth + 1];
  if (placesY < 1 || placesX < 1) {
    throw new UsageError(
      `augment.randomCrop: [${outHeight}, ${outWidth}] is larger than the image [${height}, ${width}] with a padding of ${padding}.`,
    );
  }
  if (!isTraining()) {
    if (outHeight === height && outWidth === width) return x;
    const [fromY, fromX] = [Math.floor((height - outHeight) / 2), Math.floor((width - outWidth) / 2)];
    return affineWarp(x, shifted(x, constant(x, fromX), constant(x, fromY)), { height: outHeight, width: outWidth });
  }
  // A whole number in [0, places): the cast cuts off what follows the point.
  const [u, v] = drawColumns(x, 2) as [Tensor, Tensor];
  const place = (unit: Tensor, places: number) => unit.mul(places).to('i32').to('f32').sub(padding);
  return affineWarp(x, shifted(x, place(u, placesX), place(v, placesY)), { height: outHeight, width: outWidth });
}

/** Mirrors each image with probability `p`, left to right; the identity outside of training. */
export function randomHorizontalFlip(x: Tensor, { p = 0.5 }: { readonly p?: number } = {}): Tensor {
  const { width } = imageSizes(x, 'randomHorizontalFlip');
  probability(p, 'randomHorizontalFlip');
  if (!isTraining()) return x;
  const sign = signs(x, p);
  const [zero, one] = [constant(x, 0), constant(x, 1)];
  return affineWarp(x, concat([sign, zero, mirrored(sign, width), zero, one, zero], 1));
}

/** Mirrors each image with probability `p`, top to bottom; the identity outside of training. */
export function randomVerticalFlip(x: Tensor, { p = 0.5 }: { readonly p?: number } = {}): Tensor {
  const { height } = imageSizes(x, 'randomVerticalFlip');
  probability(p, 'randomVerticalFlip');
  if (!isTraining()) return x;
  const sign = signs(x, p);
  const [zero, one] = [constant(x, 0), constant(x, 1)];
  return affineWarp(x, concat([one, zero, zero, zero, sign, mirrored(sign, height)], 1));
}

const constant = (x: Tensor, value: number): Tensor => full([x.shape[0] as Size, 1], value);

/** -1 with probability p, else 1. */
const signs = (x: Tensor, p: number): Tensor =>
  greaterEqual((drawColumns(x, 1) as [Tensor])[0], constant(x, p))
    .mul(2)
    .sub(1);

/** Where the first pixel of a line comes from: the last one if it is mirrored. */
const mirrored = (sign: Tensor, length: number): Tensor => sign.sub(1).mul((1 - length) / 2);

const shifted = (x: Tensor, dx: Tensor, dy: Tensor): Tensor => {
  const [zero, one] = [constant(x, 0), constant(x, 1)];
  return concat([one, zero, dx, zero, one, dy], 1);
};
