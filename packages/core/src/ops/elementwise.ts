import type { Tensor } from '../graph/tensor.ts';
import { div, mul, mulScalar, neg, square } from './arithmetic.ts';
import { gradientOf, gradientWith, unary, unaryWith } from './unary-op.ts';

const reluGrad = gradientOf('reluGrad');
const sigmoidGrad = gradientOf('sigmoidGrad');
const tanhGrad = gradientOf('tanhGrad');
const geluGrad = gradientOf('geluGrad');
const geluTanhGrad = gradientOf('geluTanhGrad');
const siluGrad = gradientOf('siluGrad');
const softplusGrad = gradientOf('softplusGrad');
const leakyReluGrad = gradientWith('leakyReluGrad');
const eluGrad = gradientWith('eluGrad');

export const exp = unary('exp', (_x, y, g) => mul(g, y));
export const log = unary('log', (x, _y, g) => div(g, x));
export const sqrt = unary('sqrt', (_x, y, g) => div(mulScalar(g, 0.5), y));
export const reciprocal = unary('reciprocal', (_x, y, g) => neg(mul(g, square(y))));
export const rsqrt = unary('rsqrt', (x, y, g) => mulScalar(mul(g, div(y, x)), -0.5));
export const sign = unary('sign', () => undefined);
export const abs = unary('abs', (x, _y, g) => mul(g, sign(x)));
export const sin = unary('sin', (x, _y, g) => mul(g, cos(x)));
export const cos = unary('cos', (x, _y, g) => neg(mul(g, sin(x))));
/** 2/sqrt(pi) * exp(-x^2) */
export const erf = unary('erf', (x, _y, g) => mulScalar(mul(g, exp(neg(square(x)))), 1.1283791670955126));
export const relu = unary('relu', (x, _y, g) => reluGrad(x, g));
export const sigmoid = unary('sigmoid', (_x, y, g) => sigmoidGrad(y, g));
export const tanh = unary('tanh', (_x, y, g) => tanhGrad(y, g));
/** x * Phi(x), exact (Hendrycks and Gimpel 2016). */
export const gelu = unary('gelu', (x, _y, g) => geluGrad(x, g));
/** GELU by its tanh approximation. */
export const geluTanh = unary('geluTanh', (x, _y, g) => geluTanhGrad(x, g));
export const silu = unary('silu', (x, _y, g) => siluGrad(x, g));
export const softplus = unary('softplus', (x, _y, g) => softplusGrad(x, g));
const scaledBelowZero = unaryWith('leakyRelu', (x, _y, g, s) => leakyReluGrad(x, g, s));
const exponentialBelowZero = unaryWith('elu', (x, _y, g, s) => eluGrad(x, g, s));
/** x above 0, `negativeSlope` x below. */
export const leakyRelu = (x: Tensor, negativeSlope = 0.01): Tensor => scaledBelowZero(x, negativeSlope);
/** x above 0, alpha (e^x - 1) below (Clevert et al. 2016). */
export const elu = (x: Tensor, alpha = 1): Tensor => exponentialBelowZero(x, alpha);
/** x^s for a constant s. */
export const powScalar = unaryWith('powScalar', (x, _y, g, s) => mulScalar(mul(g, powScalar(x, s - 1)), s));
