import { Tensor } from '../graph/tensor.ts';
import { binary } from './binary-op.ts';
import { unary, unaryWith } from './unary-op.ts';

export const addScalar = unaryWith('addScalar', (_x, _y, g) => g);
export const mulScalar = unaryWith('mulScalar', (_x, _y, g, s) => mulScalar(g, s));
export const neg = unary('neg', (_x, _y, g) => neg(g));
export const square = unary('square', (x, _y, g) => mulScalar(mul(g, x), 2));

export const add = binary('add', (_a, _b, _y, g) => [g, g]);
export const sub = binary('sub', (_a, _b, _y, g) => [g, neg(g)]);
export const mul = binary('mul', (a, b, _y, g) => [mul(g, b), mul(g, a)]);
export const div = binary('div', (a, b, _y, g) => [div(g, b), neg(div(mul(g, a), square(b)))]);

export type Value = Tensor | number;

/** Numbers become constants of the op, not tensors. */
export const plus = (a: Tensor, b: Value): Tensor => (b instanceof Tensor ? add(a, b) : addScalar(a, b));
export const minus = (a: Tensor, b: Value): Tensor => (b instanceof Tensor ? sub(a, b) : addScalar(a, -b));
export const times = (a: Tensor, b: Value): Tensor => (b instanceof Tensor ? mul(a, b) : mulScalar(a, b));
export const over = (a: Tensor, b: Value): Tensor => (b instanceof Tensor ? div(a, b) : mulScalar(a, 1 / b));
