import type { Shape } from '../graph/dim.ts';
import { apply, defineOp } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { broadcastPattern, broadcastShape } from './broadcast.ts';
import { count, expectDType, operand } from './check.ts';
import { expand, sumTo } from './stretch.ts';

type Formulas = (a: Tensor, b: Tensor, y: Tensor, g: Tensor) => readonly [Tensor | undefined, Tensor | undefined];

/** y = f(a, b) with broadcasting; the formulas give da and db before they are summed to the operands' shapes. */
export function binary(name: KernelName, formulas: Formulas): (a: Tensor, b: Tensor) => Tensor {
  const op = defineOp({
    name,
    infer: (inputs) => {
      const a = expectDType(operand(inputs, 0), 'f32', 'the left operand');
      const b = expectDType(operand(inputs, 1), 'f32', 'the right operand');
      return { shape: broadcastShape(a.shape, b.shape), dtype: 'f32' };
    },
    emit: (e) => {
      const [a, b] = e.inputs as [(typeof e.inputs)[0], (typeof e.inputs)[0]];
      const pattern = broadcastPattern(e.shape, [a.shape, b.shape]);
      if (!pattern) throw new Error(`${name}: operands were not expanded`);
      const outer = count(e.shape.slice(0, pattern.split));
      const inner = count(e.shape.slice(pattern.split));
      e.kernel(name, e.out, a.address, b.address, outer, inner, pattern.modes[0] as number, pattern.modes[1] as number);
    },
    derivative: ({ inputs: [a, b], output, gradient }) => {
      const [da, db] = formulas(a as Tensor, b as Tensor, output, gradient);
      return [da && sumTo(da, (a as Tensor).shape), db && sumTo(db, (b as Tensor).shape)];
    },
    inPlace: [0, 1],
  });
  return (a, b) => {
    const out = safeBroadcast(a.shape, b.shape);
    if (!out || broadcastPattern(out, [a.shape, b.shape])) return apply(op, [a, b]);
    // Rare interleaved patterns: stretch the smaller operand in memory.
    const stretched = expand(b, out);
    return broadcastPattern(out, [a.shape, out]) ? apply(op, [a, stretched]) : apply(op, [expand(a, out), stretched]);
  };
}

/** undefined where the shapes do not fit: `apply` then throws the error that names the op. */
function safeBroadcast(a: Shape, b: Shape): Shape | undefined {
  try {
    return broadcastShape(a, b);
  } catch {
    return undefined;
  }
}
