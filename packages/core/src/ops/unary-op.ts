import { apply, type Derivative, defineOp, f32 } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { count, expectDType, operand } from './check.ts';

type UnaryFormula = (x: Tensor, y: Tensor, g: Tensor) => Tensor | undefined;

/** y = f(x) element by element: `name`, kernel of the same name, and dx as a formula of x, y and dy. */
export function unary(name: KernelName, dx: UnaryFormula): (x: Tensor) => Tensor {
  const op = defineOp({
    name,
    infer: (inputs) => ({ shape: expectDType(operand(inputs, 0), 'f32').shape, dtype: 'f32' }),
    emit: (e) => e.kernel(name, e.out, e.inputs[0]?.address as number, count(e.shape)),
    derivative: ({ inputs: [x], output, gradient }) => [dx(x as Tensor, output, gradient)],
    inPlace: [0],
  });
  return (x) => apply(op, [x]);
}

/** As `unary`, with one constant s. */
export function unaryWith(
  name: KernelName,
  dx: (x: Tensor, y: Tensor, g: Tensor, s: number) => Tensor,
): (x: Tensor, s: number) => Tensor {
  const op = defineOp({
    name,
    infer: (inputs) => ({ shape: expectDType(operand(inputs, 0), 'f32').shape, dtype: 'f32' }),
    emit: (e) => e.kernel(name, e.out, e.inputs[0]?.address as number, count(e.shape), f32(e.attributes.s as number)),
    derivative: ({ inputs: [x], output, gradient, attributes }: Derivative) => [
      dx(x as Tensor, output, gradient, attributes.s as number),
    ],
    inPlace: [0],
  });
  return (x, s) => apply(op, [x], { s: Math.fround(s) });
}

/** A kernel (a, g) -> da that exists only inside derivatives. */
export function gradientOf(name: KernelName): (a: Tensor, g: Tensor) => Tensor {
  const op = defineOp({
    name,
    infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
    emit: (e) => e.kernel(name, e.out, e.inputs[0]?.address as number, e.inputs[1]?.address as number, count(e.shape)),
    inPlace: [1],
  });
  return (a, g) => apply(op, [a, g]);
}

export function gradientWith(name: KernelName): (a: Tensor, g: Tensor, s: number) => Tensor {
  const op = defineOp({
    name,
    infer: (inputs) => ({ shape: operand(inputs, 0).shape, dtype: 'f32' }),
    emit: (e) =>
      e.kernel(
        name,
        e.out,
        e.inputs[0]?.address as number,
        e.inputs[1]?.address as number,
        count(e.shape),
        f32(e.attributes.s as number),
      ),
    inPlace: [1],
  });
  return (a, g, s) => apply(op, [a, g], { s });
}
