import { sameShape } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { addScalar, mul, neg, sub } from './arithmetic.ts';
import { count, expectDType, operand } from './check.ts';
import { log } from './elementwise.ts';

const gradOp = defineOp({
  name: 'binaryCrossEntropyGrad',
  infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
  // inputs: p, targets, g
  emit: (e) => e.kernel('binaryCrossEntropyGrad', e.out, ...e.inputs.map(({ address }) => address), count(e.shape)),
  inPlace: [0, 1, 2],
});

const binaryOp = defineOp({
  name: 'binaryCrossEntropy',
  infer: (inputs) => {
    const p = expectDType(operand(inputs, 0), 'f32', 'probabilities');
    const targets = expectDType(operand(inputs, 1), 'f32', 'targets');
    if (!sameShape(p.shape, targets.shape)) throw new ShapeRule('targets must have the shape of the probabilities');
    return { shape: p.shape, dtype: 'f32' };
  },
  emit: (e) => e.kernel('binaryCrossEntropy', e.out, ...e.inputs.map(({ address }) => address), count(e.shape)),
  derivative: ({ inputs, gradient }) => {
    const [p, targets] = inputs as [Tensor, Tensor];
    return [apply(gradOp, [p, targets, gradient]), mul(gradient, sub(log(addScalar(neg(p), 1)), log(p)))];
  },
  inPlace: [0, 1],
});

/** -t ln p - (1 - t) ln(1 - p), element by element; as in PyTorch a logarithm is never below -100. */
export const binaryCrossEntropy = (p: Tensor, targets: Tensor): Tensor => apply(binaryOp, [p, targets]);
