import { apply, defineOp, f32, ShapeRule } from '../graph/op.ts';
import { currentTrace, nextRandomPath } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { pathId } from '../random/keys.ts';
import { count, expectDType, leadingSymbolic, operand } from './check.ts';

const dropoutOp = defineOp({
  name: 'dropout',
  infer: (inputs) => {
    const x = expectDType(operand(inputs, 0), 'f32');
    if (!leadingSymbolic(x.shape)) {
      throw new ShapeRule('only values of the batch can be dropped: the first dimension must be the batch');
    }
    return { shape: x.shape, dtype: 'f32' };
  },
  // The mask is a function of (seed, step, this op, position in the global batch, element): the same for any sharding,
  // and computed again in the backward pass instead of stored.
  emit: (e) =>
    e.kernel(
      'dropout',
      e.out,
      e.inputs[0]?.address as number,
      e.samples,
      count(e.shape) / e.samples,
      e.attributes.id as number,
      f32(e.attributes.p as number),
      e.context,
      e.firstSample,
    ),
  derivative: ({ gradient, attributes }) => [apply(dropoutOp, [gradient], attributes)],
  inPlace: [0],
});

/** Zeroes elements with probability p and scales the others by 1 / (1 - p); the identity outside of training. */
export function dropout(x: Tensor, p = 0.5): Tensor {
  if (!(p >= 0 && p < 1)) throw new RangeError(`dropout: p must be in [0, 1), not ${p}.`);
  if (p === 0 || !currentTrace()?.training) return x;
  return apply(dropoutOp, [x], { p: Math.fround(p), id: pathId(nextRandomPath('dropout')) | 0 });
}
