import { UsageError } from '../errors.ts';
import type { Size } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { maximum, minimum } from '../ops/compare.ts';
import { ones, tensor, zeros } from '../ops/leaf.ts';
import { between, drawColumns, type Interval, imageSizes, isTraining } from './parameters.ts';

export interface ColorJitterOptions {
  /** Factor of every value: from 1 - brightness (at least 0) to 1 + brightness, or from and to. */
  readonly brightness?: number | Interval;
  /** Factor of the distance to the image's mean grey, likewise. */
  readonly contrast?: number | Interval;
  /** Factor of the distance to each pixel's own grey, likewise; images of three channels. */
  readonly saturation?: number | Interval;
}

/** Shares of red, green and blue in grey (ITU-R 601-2). */
const grey = [0.2989, 0.587, 0.114];

/**
 * Changes brightness, contrast and saturation of each image of values in 0..1, in this order: `[batch, channels, height, width]` in and out.
 * As `torchvision.transforms.ColorJitter`, which takes them in a random order; the identity outside of training.
 *
 * @throws UsageError if an option is out of range or x are no images of one or three channels
 */
export function colorJitter(x: Tensor, options: ColorJitterOptions): Tensor {
  const { channels } = imageSizes(x, 'colorJitter');
  const brightness = factors(options.brightness ?? 0, 'brightness');
  const contrast = factors(options.contrast ?? 0, 'contrast');
  const saturation = factors(options.saturation ?? 0, 'saturation');
  if (channels !== 1 && channels !== 3)
    throw new UsageError(`augment.colorJitter: images have 1 channel or 3 (RGB), not ${channels}.`);
  if (!isTraining()) return x;
  const [u0, u1, u2] = drawColumns(x, 3).map((u) => u.reshape([x.shape[0] as Size, 1, 1, 1])) as [
    Tensor,
    Tensor,
    Tensor,
  ];
  const lit = neutral(brightness) ? x : clamp(x.mul(between(u0, brightness)));
  const meanGrey = () => greyOf(lit, channels).mean([1, 2, 3], true);
  const contrasted = neutral(contrast) ? lit : blend(lit, meanGrey(), between(u1, contrast));
  if (channels === 1 || neutral(saturation)) return contrasted;
  return blend(contrasted, greyOf(contrasted, channels), between(u2, saturation));
}

const neutral = ([low, high]: Interval): boolean => low === 1 && high === 1;

/** `factor` x + (1 - factor) base, within 0..1. */
const blend = (x: Tensor, base: Tensor, factor: Tensor): Tensor =>
  clamp(x.mul(factor).add(base.mul(factor.neg().add(1))));

const clamp = (x: Tensor): Tensor => minimum(maximum(x, zeros([])), ones([]));

/** `[batch, 1, height, width]` */
const greyOf = (x: Tensor, channels: number): Tensor =>
  channels === 1 ? x : x.mul(tensor(grey, { shape: [1, 3, 1, 1] })).sum(1, true);

function factors(value: number | Interval, name: string): Interval {
  const [low, high] = typeof value === 'number' ? [Math.max(0, 1 - value), 1 + value] : value;
  if (!(low >= 0 && low <= high && Number.isFinite(high)))
    throw new UsageError(
      `augment.colorJitter: ${name} must be a number from 0 or [low, high] from 0, not ${JSON.stringify(value)}.`,
    );
  return [low, high];
}
