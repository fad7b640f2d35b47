import { describe, expect, test } from 'vitest';

import { bitsOf, erf, expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { f32 } from './kernel-harness.ts';
import type { KernelName } from './opcodes.ts';

type Function1 = (x: number) => number;
type Function2 = (x: number, y: number) => number;

const sigmoid: Function1 = (x) => 1 / (1 + Math.exp(-x));
const normalCdf: Function1 = (x) => 0.5 * (1 + erf(x / Math.SQRT2));
const normalPdf: Function1 = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const inner: Function1 = (x) => Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
const geluTanhSlope: Function1 = (x) =>
  0.5 * (1 + inner(x)) + 0.5 * x * (1 - inner(x) ** 2) * Math.sqrt(2 / Math.PI) * (1 + 0.134145 * x * x);
const positive: Function1 = (x) => Math.abs(x) + 1e-3;
const nan = Number.NaN;
const inf = Number.POSITIVE_INFINITY;

interface Unary {
  readonly f: Function1;
  /** Of the larger of 1 and the result. */
  readonly tolerance: number;
  /** Inputs lie in [-span, span). */
  readonly span?: number;
  readonly domain?: Function1;
  readonly scalar?: number;
  /** Input and exact result, beside NaN to NaN. */
  readonly special?: readonly (readonly [number, number])[];
}

const overflow = 88.75;
const smallest = 2 ** -149;
const big = 2 ** 100;

// biome-ignore format: one line per kernel
const unary: [KernelName, Unary][] = [
  ['neg', { f: (x) => -x, tolerance: 0, special: [[inf, -inf], [0, -0]] }],
  ['exp', { f: Math.exp, tolerance: 2e-7, span: 80, special: [[-inf, 0], [inf, inf], [-0, 1], [overflow, inf], [-105, 0], [-103.2, smallest]] }],
  ['log', { f: Math.log, tolerance: 1e-7, span: 100, domain: positive, special: [[-0, -inf], [-1, nan], [inf, inf], [-inf, nan], [1, 0], [smallest, Math.fround(Math.log(smallest))]] }],
  ['sqrt', { f: Math.sqrt, tolerance: 6e-8, span: 100, domain: positive, special: [[inf, inf], [-1, nan], [0, 0]] }],
  ['rsqrt', { f: (x) => 1 / Math.sqrt(x), tolerance: 2e-7, span: 100, domain: positive, special: [[inf, 0], [0, inf]] }],
  ['reciprocal', { f: (x) => 1 / x, tolerance: 6e-8, special: [[0, inf], [-0, -inf], [inf, 0]] }],
  ['square', { f: (x) => x * x, tolerance: 6e-8, special: [[-inf, inf], [1e30, inf]] }],
  ['abs', { f: Math.abs, tolerance: 0, special: [[-inf, inf], [-0, 0]] }],
  ['sign', { f: Math.sign, tolerance: 0, special: [[-inf, -1], [inf, 1], [0, 0], [-smallest, -1]] }],
  ['sin', { f: Math.sin, tolerance: 1e-6, span: 1e5, special: [[0, 0], [inf, nan], [1e30, nan]] }],
  ['cos', { f: Math.cos, tolerance: 1e-6, span: 1e5, special: [[0, 1], [-inf, nan], [1e30, nan]] }],
  ['relu', { f: (x) => Math.max(x, 0), tolerance: 0, special: [[-inf, 0], [inf, inf]] }],
  ['sigmoid', { f: sigmoid, tolerance: 1.2e-7, span: 30, special: [[-inf, 0], [inf, 1], [0, 0.5]] }],
  ['tanh', { f: Math.tanh, tolerance: 1.2e-7, span: 12, special: [[-inf, -1], [inf, 1], [0, 0], [100, 1]] }],
  ['gelu', { f: (x) => x * normalCdf(x), tolerance: 5e-7, span: 8, special: [[inf, inf], [0, 0], [big, big], [-big, 0], [-inf, 0]] }],
  ['geluTanh', { f: (x) => 0.5 * x * (1 + inner(x)), tolerance: 5e-7, span: 8, special: [[inf, inf], [0, 0], [big, big], [-big, 0], [-inf, 0]] }],
  ['silu', { f: (x) => x * sigmoid(x), tolerance: 3e-7, span: 30, special: [[inf, inf], [0, 0], [-big, 0], [-inf, 0]] }],
  ['softplus', { f: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), tolerance: 2e-7, span: 30, special: [[inf, inf], [-inf, 0], [big, big]] }],
  ['erf', { f: erf, tolerance: 2e-7, span: 5, special: [[inf, 1], [-inf, -1], [0, 0]] }],
  ['addScalar', { f: (x) => x + 0.75, scalar: 0.75, tolerance: 6e-8, special: [[inf, inf]] }],
  ['mulScalar', { f: (x) => x * -1.5, scalar: -1.5, tolerance: 6e-8, special: [[inf, -inf]] }],
  ['leakyRelu', { f: (x) => (x < 0 ? 0.125 * x : x), scalar: 0.125, tolerance: 0, special: [[-inf, -inf], [inf, inf]] }],
  ['elu', { f: (x) => (x < 0 ? 1.5 * Math.expm1(x) : x), scalar: 1.5, tolerance: 2e-7, span: 10, special: [[-inf, -1.5], [inf, inf]] }],
  ['powScalar', { f: (x) => x ** 3, scalar: 3, tolerance: 2e-7, special: [[inf, inf], [-inf, -inf]] }],
  ['powScalar', { f: (x) => x ** -2, scalar: -2, tolerance: 3e-7, special: [[0, inf], [-inf, 0]] }],
  ['powScalar', { f: (x) => x ** 20, scalar: 20, tolerance: 3e-6, special: [[-inf, inf], [0, 0]] }],
  ['powScalar', { f: (x) => x ** 21, scalar: 21, tolerance: 3e-6, special: [[-inf, -inf], [-1, -1], [0, 0]] }],
  ['powScalar', { f: (x) => x ** -17, scalar: -17, tolerance: 3e-6, special: [[-0, -inf], [-1, -1]] }],
  ['powScalar', { f: (x) => x ** 0.5, scalar: 0.5, tolerance: 3e-7, span: 50, domain: positive, special: [[0, 0], [-1, nan], [inf, inf]] }],
  ['powScalar', { f: (x) => x ** -1.5, scalar: -1.5, tolerance: 1e-6, span: 50, domain: positive, special: [[0, inf], [inf, 0]] }],
];

function map(kernel: KernelName, x: Float32Array, scalar?: number): Float32Array {
  const rest = scalar === undefined ? [] : [f32(scalar)];
  return run(kernel, x.length, (h, out) => [out, h.f32(x), x.length, ...rest]);
}

describe.each(unary.map(([kernel, row]) => ({ kernel, title: `${kernel} ${row.scalar ?? ''}`, ...row })))(
  '$title',
  ({ kernel, f, tolerance, span = 4, domain = (x) => x, scalar, special = [] }) => {
    const x = floats(100, 1, span).map(domain);

    test.each(sizes)('%i elements', (n) => {
      expectClose(map(kernel, x.slice(0, n), scalar), Array.from(x.slice(0, n), f), tolerance, kernel);
    });

    test('special values', () => {
      const all = [...special, [nan, nan] as const];
      // each one also in a tail, where lanes are moved one by one
      for (const [input, wanted] of all)
        expect(map(kernel, Float32Array.of(1, input), scalar)[1]).toEqual(
          wanted === 0 ? expect.closeTo(0, 12) : wanted,
        );
      const padded = Float32Array.from({ length: 32 }, (_, i) => all[i % all.length]![0]);
      expectClose(
        map(kernel, padded, scalar),
        Array.from(padded, (_, i) => all[i % all.length]![1]),
        0,
        kernel,
      );
    });

    test('an element does not depend on its neighbours, nor on being overwritten', () => {
      const whole = map(kernel, x, scalar);
      for (const from of [1, 3, 6, 93, 99]) expect(map(kernel, x.slice(from), scalar)).toEqual(whole.slice(from));
      const rest = scalar === undefined ? [] : [f32(scalar)];
      expect(run(kernel, x, (_, out) => [out, out, x.length, ...rest])).toEqual(whole);
    });
  },
);

const gradients: [KernelName, { f: Function2; tolerance: number; span?: number; scalar?: number }][] = [
  ['reluGrad', { f: (x, g) => (x > 0 ? g : 0), tolerance: 0 }],
  ['sigmoidGrad', { f: (y, g) => g * y * (1 - y), tolerance: 3e-7, span: 1 }],
  ['tanhGrad', { f: (y, g) => g * (1 - y * y), tolerance: 3e-7, span: 1 }],
  ['geluGrad', { f: (x, g) => g * (normalCdf(x) + x * normalPdf(x)), tolerance: 6e-7, span: 8 }],
  ['geluTanhGrad', { f: (x, g) => g * geluTanhSlope(x), tolerance: 1.2e-6, span: 8 }],
  ['siluGrad', { f: (x, g) => g * sigmoid(x) * (1 + x * (1 - sigmoid(x))), tolerance: 2e-6, span: 20 }],
  ['softplusGrad', { f: (x, g) => g * sigmoid(x), tolerance: 3e-7, span: 20 }],
  ['leakyReluGrad', { f: (x, g) => (x > 0 ? g : 0.1 * g), scalar: 0.1, tolerance: 2e-7 }],
  ['eluGrad', { f: (x, g) => (x > 0 ? g : 1.5 * Math.exp(x) * g), scalar: 1.5, tolerance: 4e-7 }],
];

describe.each(gradients)('%s', (kernel, { f, tolerance, span = 4, scalar }) => {
  const rest = scalar === undefined ? [] : [f32(scalar)];
  const of = (x: Float32Array, g: Float32Array): Float32Array =>
    run(kernel, x.length, (h, out) => [out, h.f32(x), h.f32(g), x.length, ...rest]);
  const [x, g] = [floats(100, 2, span), floats(100, 3)];

  test.each(sizes)('%i elements', (n) => {
    const wanted = Array.from(x.slice(0, n), (v, i) => f(v, g[i] as number));
    expectClose(of(x.slice(0, n), g.slice(0, n)), wanted, tolerance, kernel);
  });

  test('NaN stays NaN, on either side; infinite gradients stay', () => {
    const [a, b] = [Float32Array.from(x), Float32Array.from(g)];
    a[99] = nan;
    b[98] = nan;
    a[98] = 0.5;
    const result = of(a, b);
    expect(result[99]).toBeNaN();
    expect(result[98]).toBeNaN();
    expect(of(Float32Array.of(0.5), Float32Array.of(inf))[0]).toBe(inf);
  });

  test('an element does not depend on its neighbours, nor on being overwritten', () => {
    const whole = of(x, g);
    for (const from of [1, 3, 6, 93, 99]) expect(of(x.slice(from), g.slice(from))).toEqual(whole.slice(from));
    expect(run(kernel, g, (h, out) => [out, h.f32(x), out, g.length, ...rest])).toEqual(whole);
    expect(run(kernel, x, (h, out) => [out, out, h.f32(g), g.length, ...rest])).toEqual(whole);
  });
});

test.each<KernelName>(['geluGrad', 'geluTanhGrad', 'siluGrad'])('%s is 0 and 1 far out, without NaN', (kernel) => {
  const x = Float32Array.of(-inf, -3e38, -1e20, -200, 200, 1e20, 3e38, inf, -inf, inf);
  const slopes = run(kernel, x.length, (h, out) => [out, h.f32(x), h.f32(x.map(() => 1)), x.length]);
  expectClose(
    slopes,
    Array.from(x, (v) => (v < 0 ? 0 : 1)),
    0,
    kernel,
  );
});

test('gelu and its slope to 3.5e-7 throughout', () => {
  const x = Float32Array.from({ length: 40_000 }, (_, i) => -10 + i / 2000);
  const slopes = run('geluGrad', x.length, (h, out) => [out, h.f32(x), h.f32(x.map(() => 1)), x.length]);
  expectClose(
    map('gelu', x),
    Array.from(x, (v) => v * normalCdf(v)),
    3.5e-7,
    'gelu',
  );
  expectClose(
    slopes,
    Array.from(x, (v) => normalCdf(v) + v * normalPdf(v)),
    3.5e-7,
    'geluGrad',
  );
});

test('exp and its neighbours to 2 units in the last place, subnormal results included', () => {
  const x = Float32Array.from({ length: 20_000 }, (_, i) => -103.9 + (i * 192.6) / 20_000);
  const y = map('exp', x);
  const worst = Math.max(
    ...Array.from(y, (got, i) => {
      const wanted = Math.exp(x[i] as number);
      return Math.abs(got - wanted) / Math.max(2 ** (Math.floor(Math.log2(wanted)) - 23), smallest);
    }),
  );
  expect(worst).toBeLessThan(1.5);
});

test('many odd values give the same bits widened and plain', () => {
  const odd = [nan, inf, -inf, 0, -0, smallest, -smallest, 1e-38, 88.7, 88.8, -87.4, -103.97, 1e5, 9e6, 3e38, -3e38];
  const x = Float32Array.from({ length: 257 }, (_, i) => odd[(i * 7 + (i >> 4)) % odd.length] as number);
  for (const [kernel, { scalar }] of unary) expect(bitsOf(map(kernel, x, scalar))).toHaveLength(257);
});
