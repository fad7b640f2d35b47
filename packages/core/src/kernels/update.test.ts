import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness } from './kernel-harness.ts';

const adamCases = [
  { name: 'AdamW', lr: 0.01, beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.1, scale: 1, decoupled: 1, step: 1 },
  {
    name: 'AdamW, a later step, clipped',
    lr: 0.01,
    beta1: 0.9,
    beta2: 0.99,
    eps: 1e-6,
    decay: 0.1,
    scale: 0.3,
    decoupled: 1,
    step: 9,
  },
  { name: 'Adam with decay', lr: 0.1, beta1: 0.8, beta2: 0.95, eps: 1e-8, decay: 0.2, scale: 1, decoupled: 0, step: 3 },
];

const sgdCases = [
  { name: 'plain', lr: 0.1, momentum: 0, dampening: 0, decay: 0, nesterov: 0, first: 0, scale: 1 },
  { name: 'decay, clipped', lr: 0.1, momentum: 0, dampening: 0, decay: 0.2, nesterov: 0, first: 0, scale: 0.5 },
  { name: 'momentum, first step', lr: 0.1, momentum: 0.9, dampening: 0.3, decay: 0.2, nesterov: 0, first: 1, scale: 1 },
  { name: 'momentum', lr: 0.1, momentum: 0.9, dampening: 0.3, decay: 0, nesterov: 0, first: 0, scale: 1 },
  { name: 'Nesterov, first step', lr: 0.1, momentum: 0.9, dampening: 0, decay: 0.1, nesterov: 1, first: 1, scale: 2 },
  { name: 'Nesterov', lr: 0.1, momentum: 0.9, dampening: 0, decay: 0.1, nesterov: 1, first: 0, scale: 2 },
];

describe.each(sizes)('%i elements', (n) => {
  const [p, g, m] = [floats(n, 1), floats(n, 2), floats(n, 3)];
  const v = floats(n, 4).map(Math.abs);

  test('addInto', () => {
    const wanted = p.map((x, i) => x + g[i]!);
    expect(run('addInto', n, (h, out) => [out, h.f32(p), h.f32(g), n])).toEqual(wanted);
    expect(
      run('addInto', p, (h, out) => [out, out, h.f32(g), n]),
      'over its left operand',
    ).toEqual(wanted);
  });

  test.each(sgdCases)('sgd: $name', ({ lr, momentum, dampening, decay, nesterov, first, scale }) => {
    const hyper = [lr, momentum, dampening, decay, nesterov, first, scale];
    const wanted = Array.from(p, (w, i) => {
      const d = g[i]! * scale + decay * w;
      const buffer = first ? d : momentum * m[i]! + (1 - dampening) * d;
      if (momentum === 0) return { w: w - lr * d, buffer: m[i]! };
      return { w: w - lr * (nesterov ? d + momentum * buffer : buffer), buffer };
    });
    const at = (address: number): number => (momentum === 0 ? 0 : address);
    const weights = run('sgd', p, (h, out) => [out, h.f32(g), at(h.f32(m)), n, h.f32(hyper)]);
    const buffers = run('sgd', m, (h, out) => [h.f32(p), h.f32(g), at(out), n, h.f32(hyper)]);
    expectClose(
      weights,
      wanted.map((x) => x.w),
      5e-7,
    );
    expectClose(
      buffers,
      wanted.map((x) => x.buffer),
      5e-7,
    );
    // a slice of the vector, as another owner would update it
    const from = n >> 1;
    const tail = run('sgd', p.slice(from), (h, out) => [
      out,
      h.f32(g.slice(from)),
      at(h.f32(m.slice(from))),
      n - from,
      h.f32(hyper),
    ]);
    expect(tail).toEqual(weights.slice(from));
  });

  test.each(adamCases)('adamw: $name', ({ lr, beta1, beta2, eps, decay, scale, decoupled, step }) => {
    const [c1, c2] = [1 - beta1 ** step, Math.sqrt(1 - beta2 ** step)];
    const hyper = [lr, beta1, beta2, eps, decay, c1, c2, scale, decoupled];
    const wanted = Array.from(p, (w, i) => {
      const d = g[i]! * scale + (decoupled ? 0 : decay * w);
      const mean = m[i]! + (1 - beta1) * (d - m[i]!);
      const square = beta2 * v[i]! + (1 - beta2) * d * d;
      const kept = decoupled ? w * (1 - lr * decay) : w;
      return { w: kept - ((lr / c1) * mean) / (Math.sqrt(square) / c2 + eps), mean, square };
    });
    const update = (which: 0 | 1 | 2, from = 0): Float32Array =>
      run('adamw', [p, m, v][which]!.slice(from), (h, out) => {
        const at = (place: number, values: Float32Array): number => (place === which ? out : h.f32(values.slice(from)));
        return [at(0, p), h.f32(g.slice(from)), at(1, m), at(2, v), n - from, h.f32(hyper)];
      });
    expectClose(
      update(0),
      wanted.map((x) => x.w),
      2e-6,
    );
    expectClose(
      update(1),
      wanted.map((x) => x.mean),
      5e-7,
    );
    expectClose(
      update(2),
      wanted.map((x) => x.square),
      5e-7,
    );
    for (const which of [0, 1, 2] as const) expect(update(which, n >> 1)).toEqual(update(which).slice(n >> 1));
  });
});

describe('blockSumSquares', () => {
  const h = createHarness();
  const of = (x: Float32Array): Float64Array => {
    const blocks = Math.ceil(x.length / 4096);
    const out = h.alloc(2 * blocks);
    h.call('blockSumSquares', out, h.f32(x), x.length);
    return h.readF64(out, blocks);
  };

  test.each([...sizes, 4095, 4096, 4097, 12_300])('%i elements: eight f64 lanes in each block', (n) => {
    const x = floats(n, 5);
    const wanted = Array.from({ length: Math.ceil(n / 4096) }, (_, block) => {
      const lanes = new Float64Array(8);
      x.slice(block * 4096, (block + 1) * 4096).forEach((value, j) => {
        lanes[j % 8]! += value * value;
      });
      const [a, b, c, d] = [0, 2, 1, 3].map((lane) => lanes[lane]! + lanes[lane + 4]!) as [
        number,
        number,
        number,
        number,
      ];
      return a + b + (c + d);
    });
    expect(Array.from(of(x))).toEqual(wanted);
  });

  test('finite exactly when every element is', () => {
    const x = floats(5000, 6).fill(3e38, 17, 40);
    expect(Array.from(of(x)).every(Number.isFinite)).toBe(true);
    for (const bad of [Number.NaN, Infinity, -Infinity]) {
      for (const at of [0, 4095, 4999]) {
        const spoilt = x.slice();
        spoilt[at] = bad;
        expect(Number.isFinite(of(spoilt)[at >> 12])).toBe(false);
        expect(Number.isFinite(of(spoilt)[at >> 12 ? 0 : 1])).toBe(true);
      }
    }
  });
});

test('the test of bits tells -0 from 0, and no NaN from another', () => {
  expect(bitsOf(Float32Array.of(-0))).not.toEqual(bitsOf(Float32Array.of(0)));
  expect(bitsOf(new Float32Array(Uint32Array.of(0xffc00001).buffer))).toEqual(bitsOf(Float32Array.of(Number.NaN)));
});
