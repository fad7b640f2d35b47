import { describe, expect, test } from 'vitest';

import { expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import type { Formula } from '../../../../test/support/optimizer-formulas.ts';
import * as formulas from '../../../../test/support/optimizer-formulas.ts';
import { createHarness } from './kernel-harness.ts';
import type { KernelName } from './opcodes.ts';

interface Case {
  readonly name: string;
  readonly kernel: KernelName;
  readonly lr: number;
  readonly formula: Formula;
  /** What the kernel reads behind the common words. */
  readonly options: readonly number[];
  /** Which of the kernel's vectors are given. */
  readonly vectors: readonly boolean[];
  /** Rates whose powers correct the bias. */
  readonly rates?: readonly [number, number];
  /** Gradient scale, limit of its elements, and number of the update. */
  readonly at?: At | undefined;
}
type At = { readonly scale?: number; readonly limit?: number; readonly updates?: number };

const sgd = (name: string, options: Partial<Parameters<typeof formulas.sgd>[0]>, at?: At): Case => {
  const o = { lr: 0.1, momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
  return {
    name: `sgd: ${name}`,
    kernel: 'sgd',
    lr: o.lr,
    at,
    formula: formulas.sgd(o),
    options: [o.momentum, o.dampening, o.weightDecay, o.nesterov ? 1 : 0],
    vectors: [o.momentum !== 0],
  };
};

const adam = (name: string, options: Partial<Parameters<typeof formulas.adam>[0]>, at?: At): Case => {
  const o = { lr: 0.01, betas: [0.9, 0.999] as const, eps: 1e-8, weightDecay: 0, amsgrad: false, ...options };
  return {
    name: `adamw: ${name}`,
    kernel: 'adamw',
    lr: o.lr,
    at,
    rates: o.betas,
    formula: formulas.adam(o),
    options: [...o.betas, o.eps, o.weightDecay, o.decoupled ? 1 : 0],
    vectors: [true, true, o.amsgrad],
  };
};

const adagrad = (name: string, options: Partial<Parameters<typeof formulas.adagrad>[0]>, at?: At): Case => {
  const o = { lr: 0.1, lrDecay: 0, weightDecay: 0, initialAccumulatorValue: 0, eps: 1e-10, ...options };
  return {
    name: `adagrad: ${name}`,
    kernel: 'adagrad',
    lr: o.lr,
    at,
    formula: formulas.adagrad(o),
    options: [o.lrDecay, o.weightDecay, o.initialAccumulatorValue, o.eps],
    vectors: [true],
  };
};

const adadelta = (name: string, options: Partial<Parameters<typeof formulas.adadelta>[0]>, at?: At): Case => {
  const o = { lr: 0.5, rho: 0.9, eps: 1e-6, weightDecay: 0, ...options };
  return {
    name: `adadelta: ${name}`,
    kernel: 'adadelta',
    lr: o.lr,
    at,
    formula: formulas.adadelta(o),
    options: [o.rho, 1 - o.rho, o.eps, o.weightDecay],
    vectors: [true, true],
  };
};

const rmsprop = (name: string, options: Partial<Parameters<typeof formulas.rmsprop>[0]>): Case => {
  const o = { lr: 0.01, alpha: 0.9, eps: 1e-3, weightDecay: 0, momentum: 0, centered: false, ...options };
  return {
    name: `rmsprop: ${name}`,
    kernel: 'rmsprop',
    lr: o.lr,
    formula: formulas.rmsprop(o),
    options: [o.alpha, 1 - o.alpha, o.eps, o.weightDecay, o.momentum],
    vectors: [true, o.momentum > 0, o.centered],
  };
};

const lion = (name: string, options: Partial<Parameters<typeof formulas.lion>[0]>, at?: At): Case => {
  const o = { lr: 0.01, betas: [0.9, 0.99] as const, weightDecay: 0, ...options };
  return {
    name: `lion: ${name}`,
    kernel: 'lion',
    lr: o.lr,
    at,
    formula: formulas.lion(o),
    options: [...o.betas.flatMap((beta) => [beta, 1 - beta]), o.weightDecay],
    vectors: [true],
  };
};

const cases: Case[] = [
  sgd('plain', {}),
  sgd('decay, scaled', { weightDecay: 0.2 }, { scale: 0.5 }),
  sgd('momentum, first step', { momentum: 0.9, dampening: 0.3, weightDecay: 0.2 }, { updates: 1 }),
  sgd('momentum', { momentum: 0.9, dampening: 0.3 }),
  sgd('Nesterov, first step', { momentum: 0.9, weightDecay: 0.1, nesterov: true }, { updates: 1, scale: 2 }),
  sgd('Nesterov, clipped', { momentum: 0.9, weightDecay: 0.1, nesterov: true }, { scale: 2, limit: 0.7 }),
  adam('AdamW', { decoupled: true, weightDecay: 0.1 }, { updates: 1 }),
  adam(
    'AdamW, a later step, scaled and clipped',
    { decoupled: true, weightDecay: 0.1, betas: [0.9, 0.99], eps: 1e-6 },
    { updates: 9, scale: 0.3, limit: 0.2 },
  ),
  adam('Adam with decay', { lr: 0.1, weightDecay: 0.2, betas: [0.8, 0.95] }, { updates: 3 }),
  adam('AMSGrad', { amsgrad: true, betas: [0.9, 0.9] }, { updates: 4 }),
  adam('AMSGrad, decoupled decay', { amsgrad: true, decoupled: true, weightDecay: 0.1 }, { updates: 4, limit: 0.5 }),
  adagrad('first step', {}, { updates: 1 }),
  adagrad('first step from an initial value', { weightDecay: 0.1, initialAccumulatorValue: 0.5 }, { updates: 1 }),
  adagrad('a later step, decaying rate, clipped', { lrDecay: 0.1 }, { updates: 11, limit: 0.7, scale: 0.8 }),
  adadelta('plain', {}),
  adadelta('decay, clipped', { rho: 0.8, eps: 1e-3, weightDecay: 0.1 }, { limit: 0.7 }),
  rmsprop('plain', { alpha: 0.99 }),
  rmsprop('decay and momentum', { weightDecay: 0.1, momentum: 0.9 }),
  rmsprop('centred', { centered: true }),
  rmsprop('centred, momentum, decay', { weightDecay: 0.1, momentum: 0.5, centered: true }),
  lion('plain', {}),
  lion('decay, scaled and clipped', { betas: [0.8, 0.9], weightDecay: 0.1 }, { scale: 3, limit: 0.7 }),
];

describe.each(cases)('$name', ({ kernel, lr, formula, options, vectors, rates, at = {} }) => {
  const { scale = 1, limit = Infinity, updates = 2 } = at;
  const corrections = rates ? [1 - rates[0] ** updates, Math.sqrt(1 - rates[1] ** updates)] : [0, 0];
  const hyper = [lr, scale, updates, ...corrections, limit, ...options];

  test.each(sizes)('%i elements', (n) => {
    const [w, g] = [floats(n, 1), floats(n, 2)];
    // Means of squares are as large as squares of gradients are, so that a variance is not below 0.
    const state = [3, 4, 5].map((seed, i) =>
      floats(n, seed).map((x) => (i === 0 && kernel === 'rmsprop' ? 4 + x : Math.abs(x) / 2)),
    );
    const given = vectors.flatMap((present, i) => (present ? [i] : []));
    const wanted = Array.from(w, (weight, i) => {
      const d = Math.min(limit, Math.max(-limit, g[i]! * scale));
      const kept = vectors.map((present, v) => (present ? state[v]![i]! : 0));
      return formula(weight, d, kept, updates);
    });
    /** The weights (-1) or a vector after the update of the elements from `from` on, as another owner would do it. */
    const update = (which: number, from = 0): Float32Array =>
      run(kernel, (which < 0 ? w : state[which]!).slice(from), (h, out) => {
        const place = (vector: number, values: Float32Array) => (vector === which ? out : h.f32(values.slice(from)));
        const kept = vectors.map((present, v) => (present ? place(v, state[v]!) : 0));
        return [place(-1, w), h.f32(g.slice(from)), n - from, h.f32(hyper), ...kept];
      });
    expectClose(
      update(-1),
      wanted.map((x) => x.w),
      3e-6,
      'weights',
    );
    for (const v of given) {
      const values = wanted.map(({ kept }) => kept[v] as number);
      expectClose(update(v), values, 3e-6, `vector ${v}`);
    }
    for (const which of [-1, ...given]) expect(update(which, n >> 1)).toEqual(update(which).slice(n >> 1));
  });
});

test('rmsprop, centred: a variance that rounding made negative is none', () => {
  const hyper = [0.01, 1, 2, 0, 0, Infinity, 0.5, 0.5, 1, 0, 0];
  const weights = run('rmsprop', [1, 1], (h, out) => [
    out,
    h.f32([1, 1]),
    2,
    h.f32(hyper),
    h.f32([0.9, 1]),
    0,
    h.f32([1, 1]),
  ]);
  expectClose(weights, [0.99, 0.99], 1e-6);
});

test('hyper advances the state and writes the block', () => {
  const h = createHarness();
  const f64 = (values: readonly number[]) => h.i32([...new Int32Array(Float64Array.from(values).buffer)]);
  const state = f64([2, 0.81, 0.5]);
  const constants = f64([0.9, 0.5, Infinity, 7, 8]);
  const record = h.i32([
    ...new Int32Array(Float64Array.of(3.5).buffer),
    ...new Int32Array(Float32Array.of(0.25).buffer),
    0,
  ]);
  const out = h.alloc(16);
  h.call('hyper', out, state, constants, 5, f64([0.125]), record);
  expect(Array.from(h.readF64(state, 3))).toEqual([3, 0.81 * 0.9, 0.25]);
  const expected = [0.125, 0.25, 3, 1 - 0.81 * 0.9, Math.sqrt(0.75), Infinity, 7, 8];
  expect(h.read(out, 8)).toEqual(Float32Array.from(expected));
});
