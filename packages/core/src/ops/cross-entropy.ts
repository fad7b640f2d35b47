import { sameShape } from '../graph/dim.ts';
import { apply, defineOp, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, lastSize, operand } from './check.ts';

const gradOp = defineOp({
  name: 'crossEntropyGrad',
  infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
  // inputs: logits, labels, g
  emit: (e) =>
    e.kernel(
      'crossEntropyGrad',
      e.out,
      ...e.inputs.map((input) => input.address),
      count(e.shape.slice(0, -1)),
      e.shape.at(-1) as number,
      e.attributes.ignoreIndex as number,
    ),
  inPlace: [0],
});

const crossEntropyOp = defineOp({
  name: 'crossEntropy',
  infer: (inputs) => {
    const logits = expectDType(operand(inputs, 0), 'f32', 'logits');
    const labels = expectDType(operand(inputs, 1), 'i32', 'labels');
    fixedSize(lastSize(logits.shape), 'the number of classes');
    if (!sameShape(labels.shape, logits.shape.slice(0, -1))) {
      throw new ShapeRule('labels must have the shape of logits without the last dimension');
    }
    return { shape: labels.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const [logits, labels] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
    const columns = logits.shape.at(-1) as number;
    const ignored = e.attributes.ignoreIndex as number;
    e.kernel(
      'crossEntropy',
      e.out,
      logits.address,
      labels.address,
      count(e.shape),
      columns,
      ignored,
      e.context,
      e.nodeId,
    );
  },
  mixesRows: ([logits]) => logits?.shape.length === 1,
  derivative: ({ inputs: [logits, labels], gradient, attributes }) => [
    apply(gradOp, [logits as Tensor, labels as Tensor, gradient], attributes),
    undefined,
  ],
});

/** -log softmax(logits)[label] for logits `[..., classes]` and i32 labels `[...]`; 0 where the label is `ignoreIndex`. */
export const softmaxCrossEntropy = (logits: Tensor, labels: Tensor, ignoreIndex = -100): Tensor =>
  apply(crossEntropyOp, [logits, labels], { ignoreIndex });
