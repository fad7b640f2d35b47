import { sameShape } from '../graph/dim.ts';
import { apply, defineOp, type Emit, f32, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';

import { mul, neg } from './arithmetic.ts';
import { count, expectDType, fixedSize, lastSize, operand } from './check.ts';
import { logSoftmax } from './softmax.ts';
import { reshape } from './stretch.ts';

const addresses = (e: Emit): number[] => e.inputs.map(({ address }) => address);
const likeLogits = (inputs: readonly Operand[]): Operand => ({ shape: operand(inputs, 0).shape, dtype: 'f32' });
const oneRow = ([logits]: readonly Operand[]): boolean => logits?.shape.length === 1;

function logitsOf(inputs: readonly Operand[]): Operand {
  const logits = expectDType(operand(inputs, 0), 'f32', 'logits');
  fixedSize(lastSize(logits.shape), 'the number of classes');
  return logits;
}

const softGradOp = defineOp({
  name: 'softCrossEntropyGrad',
  infer: likeLogits,
  // inputs: logits, targets, g
  emit: (e) =>
    e.kernel('softCrossEntropyGrad', e.out, ...addresses(e), count(e.shape.slice(0, -1)), e.shape.at(-1) as number),
  inPlace: [0],
});

const softOp = defineOp({
  name: 'softCrossEntropy',
  infer: (inputs) => {
    const logits = logitsOf(inputs);
    const targets = expectDType(operand(inputs, 1), 'f32', 'targets');
    if (!sameShape(targets.shape, logits.shape)) throw new ShapeRule('targets must have the shape of logits');
    return { shape: logits.shape.slice(0, -1), dtype: 'f32' };
  },
  emit: (e) => {
    const columns = e.inputs[0]?.shape.at(-1) as number;
    e.kernel('softCrossEntropy', e.out, ...addresses(e), count(e.shape), columns, e.context);
  },
  mixesRows: oneRow,
  derivative: ({ inputs, gradient }) => {
    const [logits, targets] = inputs as [Tensor, Tensor];
    const perRow = reshape(gradient, [...gradient.shape, 1]);
    return [apply(softGradOp, [logits, targets, gradient]), neg(mul(logSoftmax(logits), perRow))];
  },
});

/** -sum over classes of targets * log softmax(logits), for both `[..., classes]`. A class with target 0 counts nothing. */
export const softCrossEntropy = (logits: Tensor, targets: Tensor): Tensor => apply(softOp, [logits, targets]);

const weightedGradOp = defineOp({
  name: 'weightedCrossEntropyGrad',
  infer: likeLogits,
  // inputs: logits, labels, class weights, g
  emit: (e) =>
    e.kernel(
      'weightedCrossEntropyGrad',
      e.out,
      ...addresses(e),
      count(e.shape.slice(0, -1)),
      e.shape.at(-1) as number,
      e.attributes.ignoreIndex as number,
      f32(e.attributes.smoothing as number),
    ),
  inPlace: [0],
});

const weightedOp = defineOp({
  name: 'weightedCrossEntropy',
  infer: (inputs) => {
    const logits = logitsOf(inputs);
    const labels = expectDType(operand(inputs, 1), 'i32', 'labels');
    const weights = expectDType(operand(inputs, 2), 'f32', 'class weights');
    if (!sameShape(labels.shape, logits.shape.slice(0, -1))) {
      throw new ShapeRule('labels must have the shape of logits without the last dimension');
    }
    if (!sameShape(weights.shape, logits.shape.slice(-1))) throw new ShapeRule('give one weight for each class');
    return { shape: labels.shape, dtype: 'f32' };
  },
  emit: (e) =>
    e.kernel(
      'weightedCrossEntropy',
      e.out,
      ...addresses(e),
      count(e.shape),
      e.inputs[0]?.shape.at(-1) as number,
      e.attributes.ignoreIndex as number,
      f32(e.attributes.smoothing as number),
      e.context,
      e.nodeId,
    ),
  mixesRows: oneRow,
  derivative: ({ inputs, gradient, attributes }) => [
    apply(weightedGradOp, [...inputs, gradient], attributes),
    undefined,
    undefined,
  ],
});

/**
 * Cross entropy for i32 labels `[...]` against (1 - smoothing) of the label and smoothing / classes of every class, each class times its
 * weight; 0 where the label is `ignoreIndex`. No gradient flows to the weights.
 */
export const weightedCrossEntropy = (
  logits: Tensor,
  labels: Tensor,
  weights: Tensor,
  options: { readonly ignoreIndex: number; readonly smoothing: number },
): Tensor => {
  const { ignoreIndex, smoothing } = options;
  return apply(weightedOp, [logits, labels, weights], { ignoreIndex, smoothing: Math.fround(smoothing) });
};
