import { ShapeError } from '../errors.ts';
import { type Shape, type Size, sameShape, sameSize, shapeText } from '../graph/dim.ts';
import { currentPath } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';

const layer = (name: string): string => (currentPath() ? `${name} in layer "${currentPath()}"` : name);

export function checkSizes(name: string, sizes: Readonly<Record<string, number>>): void {
  for (const [argument, value] of Object.entries(sizes)) {
    if (!Number.isInteger(value) || value < 1)
      throw new RangeError(`${name}: ${argument} must be a whole number of at least 1, not ${value}.`);
  }
}

export function checkRank(name: string, x: Tensor, dimensions: readonly string[]): void {
  if (x.rank === dimensions.length) return;
  throw new ShapeError(`${layer(name)}: x must be [${dimensions.join(', ')}], not ${shapeText(x.shape)}.`);
}

export function checkFeatures(name: string, x: Tensor, inputSize: number): void {
  const features = x.shape.at(-1) as Size;
  if (sameSize(features, inputSize)) return;
  throw new ShapeError(
    `${layer(name)}: x ${shapeText(x.shape)} has ${features} features, but the layer was made for ${inputSize}.`,
  );
}

export function checkState(name: string, state: Tensor, shape: Shape, what = 'the initial state'): void {
  if (sameShape(state.shape, shape)) return;
  throw new ShapeError(`${layer(name)}: ${what} must be ${shapeText(shape)}, not ${shapeText(state.shape)}.`);
}

export function checkLengths(name: string, lengths: Tensor, batch: Size): void {
  if (lengths.dtype !== 'i32')
    throw new ShapeError(`${layer(name)}: lengths must be i32, not ${lengths.dtype}; cast them with .to('i32').`);
  checkState(name, lengths, [batch], 'lengths');
}
