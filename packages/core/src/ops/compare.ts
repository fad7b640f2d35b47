import { apply, defineOp } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add, mul, mulScalar } from './arithmetic.ts';
import { binary } from './binary-op.ts';
import { broadcastShape } from './broadcast.ts';
import { count, operand } from './check.ts';
import { full } from './leaf.ts';
import { expand } from './stretch.ts';

export const greater = binary('greater', () => [undefined, undefined]);
export const greaterEqual = binary('greaterEqual', () => [undefined, undefined]);
export const equal = binary('equal', () => [undefined, undefined]);
/** Where both are equal each gets half, as in PyTorch. */
const share = (a: Tensor, b: Tensor) => mulScalar(add(greater(a, b), greaterEqual(a, b)), 0.5);
export const maximum = binary('maximum', (a, b, _y, g) => [mul(g, share(a, b)), mul(g, share(b, a))]);
export const minimum = binary('minimum', (a, b, _y, g) => [mul(g, share(b, a)), mul(g, share(a, b))]);

const whereOp = defineOp({
  name: 'where',
  infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
  emit: (e) => e.kernel('where', e.out, ...e.inputs.map((input) => input.address), count(e.shape)),
  derivative: ({ inputs: [condition], gradient: g }) => {
    const nothing = full(g.shape, 0);
    return [undefined, where(condition as Tensor, g, nothing), where(condition as Tensor, nothing, g)];
  },
});

/** `condition != 0 ? a : b`, element by element; operands are stretched to one shape. */
export function where(condition: Tensor, a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShape(broadcastShape(condition.shape, a.shape), b.shape);
  return apply(whereOp, [expand(condition, shape), expand(a, shape), expand(b, shape)]);
}
