import { type Shape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import { nextRandomPath } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { pathId } from '../random/keys.ts';
import { count, leadingSymbolic } from './check.ts';
import { type ShapeData, shapeData, shapeFrom } from './shape-data.ts';

/** An element is a function of (seed, step, this op, position in the global batch, place in the sample): the same for any sharding. */
const randomOp = (name: 'randomUniform' | 'randomNormal') =>
  defineOp({
    name,
    infer: (_, attributes) => {
      const shape = shapeFrom(attributes.shape as ShapeData);
      if (!leadingSymbolic(shape))
        throw new ShapeRule(`the first dimension must be the batch, as in [x.shape[0], 3], not ${shapeText(shape)}`);
      return { shape, dtype: 'f32' };
    },
    emit: (e) =>
      e.kernel(name, e.out, e.samples, count(e.shape) / e.samples, e.attributes.id as number, e.context, e.firstSample),
  });

const uniformOp = randomOp('randomUniform');
const normalOp = randomOp('randomNormal');

const draw = (op: typeof uniformOp, shape: Shape): Tensor =>
  apply(op, [], { shape: shapeData(shape), id: pathId(nextRandomPath(op.name)) | 0 });

/** Fresh numbers in [0, 1) at each step, `shape` with the batch first. */
export const randomUniform = (shape: Shape): Tensor => draw(uniformOp, shape);

/** Fresh numbers of mean 0 and variance 1 at each step, `shape` with the batch first. */
export const randomNormal = (shape: Shape): Tensor => draw(normalOp, shape);
