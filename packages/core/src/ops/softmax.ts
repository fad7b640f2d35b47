import { isSymbolic } from '../graph/dim.ts';
import { apply, defineOp, f32, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { axisOf, count, expectDType, fixedSize, lastSize, operand } from './check.ts';
import { transpose } from './movement.ts';

const sameAsFirst = (inputs: readonly Operand[]): Operand => {
  const x = expectDType(operand(inputs, 0), 'f32');
  fixedSize(lastSize(x.shape), 'the normalised dimension');
  return { shape: x.shape, dtype: 'f32' };
};
const rowsAndColumns = (shape: readonly number[]): [number, number] => [
  count(shape.slice(0, -1)),
  shape.at(-1) as number,
];

/** Over the last dimension, with the derivative kernel (y, g) -> dx. */
function normalised(name: KernelName, gradientKernel: KernelName): (x: Tensor) => Tensor {
  const gradientOp = defineOp({
    name: gradientKernel,
    infer: sameAsFirst,
    emit: (e) => e.kernel(gradientKernel, e.out, ...e.inputs.map((input) => input.address), ...rowsAndColumns(e.shape)),
    inPlace: [1],
  });
  const op = defineOp({
    name,
    infer: sameAsFirst,
    emit: (e) => e.kernel(name, e.out, e.inputs[0]?.address as number, ...rowsAndColumns(e.shape)),
    derivative: ({ output, gradient }) => [apply(gradientOp, [output, gradient])],
    inPlace: [0],
  });
  return (x) => apply(op, [x]);
}

const overLast =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor, axis = -1) => {
    const at = axisOf(x.shape, axis);
    return at === x.rank - 1 ? f(x) : transpose(f(transpose(x, at, -1)), at, -1);
  };

/** exp(x) / sum exp(x) along one axis. */
export const softmax = overLast(normalised('softmax', 'softmaxGrad'));
/** log of softmax, computed without overflow. */
export const logSoftmax = overLast(normalised('logSoftmax', 'logSoftmaxGrad'));

const scaledGradOp = defineOp({
  name: 'scaledSoftmaxGrad',
  infer: sameAsFirst,
  emit: (e) =>
    e.kernel(
      'scaledSoftmaxGrad',
      e.out,
      ...e.inputs.map((input) => input.address),
      ...rowsAndColumns(e.shape),
      f32(e.attributes.scale as number),
    ),
  inPlace: [1],
});

const causalOp = defineOp({
  name: 'causalSoftmax',
  infer: (inputs) => {
    const x = expectDType(operand(inputs, 0), 'f32');
    if (x.shape.length < 2) throw new ShapeRule('needs [..., queries, keys]');
    if (x.shape.slice(-2).some(isSymbolic)) throw new ShapeRule('queries and keys must be fixed sizes');
    if ((x.shape.at(-2) as number) > (x.shape.at(-1) as number)) throw new ShapeRule('more queries than keys');
    return { shape: x.shape, dtype: 'f32' };
  },
  emit: (e) => {
    const [queries, keys] = e.shape.slice(-2) as [number, number];
    const batch = count(e.shape.slice(0, -2));
    e.kernel(
      'causalSoftmax',
      e.out,
      e.inputs[0]?.address as number,
      batch,
      queries,
      keys,
      f32(e.attributes.scale as number),
    );
  },
  derivative: ({ output, gradient, attributes }) => [
    apply(scaledGradOp, [output, gradient], { scale: attributes.scale as number }),
  ],
  inPlace: [0],
});

/**
 * softmax(scale * x) for attention scores `[..., queries, keys]`, where query i sees keys up to i + keys - queries and the
 * others get exactly 0.
 */
export const causalSoftmax = (x: Tensor, scale = 1): Tensor => apply(causalOp, [x], { scale: Math.fround(scale) });
