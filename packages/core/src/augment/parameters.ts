import { UsageError } from '../errors.ts';
import { isSymbolic, shapeText } from '../graph/dim.ts';
import { currentTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { randomUniform } from '../ops/random.ts';

/** From and to. */
export type Interval = readonly [number, number];

/** Whether images change at all: as dropout, only while a training step is traced. */
export const isTraining = (): boolean => currentTrace()?.training ?? false;

/** Checks `[batch, channels, height, width]` and gives the sizes that are fixed. */
export function imageSizes(x: Tensor, name: string): { channels: number; height: number; width: number } {
  const [, channels, height, width] = x.shape;
  if (x.rank !== 4 || x.dtype !== 'f32' || x.shape.slice(1).some(isSymbolic)) {
    throw new UsageError(
      `augment.${name}: the images must be f32 [batch, channels, height, width], not ${x.dtype} ${shapeText(x.shape)}.`,
    );
  }
  return { channels: channels as number, height: height as number, width: width as number };
}

/** `count` columns `[batch, 1]` of numbers in [0, 1), one a sample. */
export function drawColumns(x: Tensor, count: number): Tensor[] {
  const numbers = randomUniform([x.shape[0] as number, count]);
  return Array.from({ length: count }, (_, i) => numbers.slice(1, i, i + 1));
}

export const between = (u: Tensor, [low, high]: Interval): Tensor => u.mul(high - low).add(low);

/** A number stands for what lies between it and its negative, as in torchvision. */
export function symmetric(value: number | Interval, name: string): Interval {
  const [low, high] = typeof value === 'number' ? [-value, value] : value;
  if (!(Number.isFinite(low) && Number.isFinite(high) && low <= high))
    throw new UsageError(`augment.${name} must be a number from 0 or [low, high], not ${JSON.stringify(value)}.`);
  return [low, high];
}

export function probability(p: number, name: string): number {
  if (!(p >= 0 && p <= 1)) throw new UsageError(`augment.${name}: p must be in [0, 1], not ${p}.`);
  return p;
}
