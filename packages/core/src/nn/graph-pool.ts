import { ShapeError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';

/** Reduces the first `nodes` rows of each graph. */
function pool(name: string, reduce: (x: Tensor, pointers: Tensor) => Tensor) {
  return (x: Tensor, nodes: Tensor): Tensor => {
    const lead = x.shape.slice(0, -2);
    if (x.rank < 2 || !sameShape(nodes.shape, lead)) {
      throw new ShapeError(
        `${name}: x ${shapeText(x.shape)} needs one count of nodes for each graph, not ${shapeText(nodes.shape)}.`,
      );
    }
    const counts = ops.cast(nodes, 'i32').reshape([...lead, 1]);
    const pooled = reduce(x, ops.pad(counts, -1, 1, 0));
    return pooled.reshape([...lead, x.shape.at(-1) as number]);
  };
}

/**
 * Sum of the nodes of each graph: x `[batch, maxNodes, features]`, nodes i32 `[batch]` (how many of them are there), to `[batch, features]`. A count
 * beyond maxNodes stops the step with an error.
 */
export const globalAddPool = pool('globalAddPool', ops.segmentSum);
/** Mean of the nodes of each graph, 0 of none; shapes as in `globalAddPool`. */
export const globalMeanPool = pool('globalMeanPool', ops.segmentMean);
/** Largest of each feature over the nodes of each graph, 0 of none; shapes as in `globalAddPool`. */
export const globalMaxPool = pool('globalMaxPool', ops.segmentMax);
