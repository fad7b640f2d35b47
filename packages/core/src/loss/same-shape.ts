import { ShapeError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';

/**
 * Stretching one of two shapes that differ hides mistakes: `[batch]` against `[batch, 1]` would compare everything with everything.
 *
 * @throws ShapeError that names the loss and both shapes
 */
export function expectSameShape(loss: string, what: string, prediction: Tensor, target: Tensor): void {
  if (sameShape(prediction.shape, target.shape)) return;
  throw new ShapeError(
    `${loss}: ${what} ${shapeText(prediction.shape)} and target ${shapeText(target.shape)} differ in shape; reshape one of them.`,
  );
}
