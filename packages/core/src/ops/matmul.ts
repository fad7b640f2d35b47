import { isSymbolic, product, type Shape, type Size, sameShape, sameSize } from '../graph/dim.ts';
import { apply, defineOp, type Emit, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { broadcastShape } from './broadcast.ts';
import { count, expectDType, leadingSymbolic, operand } from './check.ts';
import { expand, reshape, sumTo } from './stretch.ts';

/** Upper bound of the packing buffers of one matmul instruction; the kernel package states the exact number. */
export const matmulScratchBytes = 8 * 1024 * 1024;

interface Flags {
  readonly transA?: boolean;
  readonly transB?: boolean;
}

const matrix = (shape: Shape, trans: boolean | undefined): [Size, Size] => {
  const [rows, columns] = shape.slice(-2) as [Size, Size];
  return trans ? [columns, rows] : [rows, columns];
};

const matmulOp = defineOp({
  name: 'matmul',
  infer: (inputs, attributes) => {
    const [a, b] = [expectDType(operand(inputs, 0), 'f32'), expectDType(operand(inputs, 1), 'f32')];
    const { transA, transB } = attributes as Flags;
    if (a.shape.length < 2 || b.shape.length < 2) throw new ShapeRule('both operands need at least two dimensions');
    const [m, ka] = matrix(a.shape, transA);
    const [kb, n] = matrix(b.shape, transB);
    if (!sameSize(ka, kb)) throw new ShapeRule(`inner sizes ${ka} and ${kb} differ`);
    if (b.shape.length > 2 && !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2)))
      throw new ShapeRule('batch sizes differ');
    if (b.shape.length === 2 && a.shape.length > 2 && transA)
      throw new ShapeRule('a batch of transposed matrices needs a batch on the right');
    const bias = inputs[2];
    if (bias && !sameShape(bias.shape, [n])) throw new ShapeRule(`the bias must have shape [${n}]`);
    return { shape: [...a.shape.slice(0, -2), m, n], dtype: 'f32' };
  },
  emit: emitMatmul,
  segmented: ([a, b], { transA }) =>
    transA === true && a?.shape.length === 2 && b?.shape.length === 2 && leadingSymbolic(a.shape),
  mixesRows: ([a, b], { transA }) =>
    // Rows of the output are rows of a; everything else that is symbolic would be summed over.
    (transA === true && a?.shape.length === 2) || (b?.shape.length === 2 && b.shape.some(isSymbolic)),
  derivative: ({ inputs, gradient: g, attributes }) => {
    const [a, b, bias] = inputs as [Tensor, Tensor, Tensor | undefined];
    const { transA, transB } = attributes as Flags;
    // Nodes run in the order of their creation: the last reader of a comes first, so that da can lie where a was.
    let db: Tensor;
    if (b.rank === 2) {
      // All rows of the batch are one K.
      const [rowsOfA, rowsOfG] = [transA ? a : flatten(a), flatten(g)];
      db = transB
        ? product2(rowsOfG, rowsOfA, true, transA === true)
        : product2(rowsOfA, rowsOfG, transA !== true, false);
    } else {
      db = transB ? matmul(g, a, { transA: true, transB: transA === true }) : matmul(a, g, { transA: !transA });
    }
    const dBias = bias && sumTo(g, bias.shape);
    const da = transA ? matmul(b, g, { transA: transB === true, transB: true }) : matmul(g, b, { transB: !transB });
    return [da, db, dBias];
  },
});

const product2 = (a: Tensor, b: Tensor, transA: boolean, transB: boolean) => matmul(a, b, { transA, transB });
const flatten = (x: Tensor): Tensor => reshape(x, [product(x.shape.slice(0, -1)), x.shape.at(-1) as Size]);

function emitMatmul(e: Emit): void {
  const [a, b] = e.inputs as [Emit['inputs'][0], Emit['inputs'][0]];
  const { transA, transB } = e.attributes as Flags;
  const { addend, relu } = endingOf(e);
  const [, lastA] = a.shape.slice(-2) as [number, number];
  const [, lastB] = b.shape.slice(-2) as [number, number];
  const shared = b.shape.length === 2;
  const n = e.shape.at(-1) as number;
  // With one matrix on the right the batch of the left is just more rows.
  const batch = shared ? 1 : count(e.shape.slice(0, -2));
  const m = shared ? count(e.shape.slice(0, -1)) : (e.shape.at(-2) as number);
  const k = transA ? (a.shape.at(-2) as number) : lastA;
  const segments = transA && shared && a.shape.length === 2 ? e.segments(k) : undefined;
  const sharded = segments !== undefined && !segments.whole;
  e.kernel(
    addend || relu ? 'matmulThen' : 'matmul',
    e.out,
    a.address,
    b.address,
    m,
    n,
    k,
    ...(transA ? [1, lastA] : [lastA, 1]),
    ...(transB ? [1, lastB] : [lastB, 1]),
    batch,
    ...(shared ? [0, 0, 0] : [count(a.shape.slice(-2)), count(b.shape.slice(-2)), m * n]),
    sharded ? segments.address : 0,
    sharded ? segments.count : 0,
    biasOf(e)?.address ?? 0,
    e.scratch(matmulScratchBytes),
    ...(addend || relu ? [addend?.address ?? 0, relu ? 1 : 0] : []),
  );
}

/** What a plan lets a product end with (program/endings.ts): the last input is added to it, then ReLU. */
function endingOf({ inputs, attributes }: Emit): { addend: Emit['inputs'][0] | undefined; relu: boolean } {
  return { addend: attributes.addend === true ? inputs.at(-1) : undefined, relu: attributes.relu === true };
}

const biasOf = ({ inputs, attributes }: Emit) => inputs.slice(2, attributes.addend === true ? -1 : undefined)[0];

/**
 * Matrix product over the last two dimensions, `[..., m, k] x [..., k, n]`; `transA`, `transB` take an operand transposed
 * without moving it. Leading dimensions broadcast.
 */
export function matmul(a: Tensor, b: Tensor, options: Flags = {}): Tensor {
  const attributes = { transA: options.transA === true, transB: options.transB === true };
  if (a.rank < 2 || b.rank < 2 || (b.rank === 2 && !(a.rank > 2 && attributes.transA)))
    return apply(matmulOp, [a, b], attributes);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  const stretched = (x: Tensor) => expand(x, [...batch, ...x.shape.slice(-2)]);
  return apply(matmulOp, [stretched(a), stretched(b)], attributes);
}

/** y = x W^T + b for x `[..., in]`, W `[out, in]`, b `[out]`. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rows = x.rank === 1 ? reshape(x, [1, ...x.shape]) : x;
  const y = apply(matmulOp, bias ? [rows, weight, bias] : [rows, weight], { transA: false, transB: true });
  return x.rank === 1 ? reshape(y, y.shape.slice(1)) : y;
}
