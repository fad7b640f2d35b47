import { describe, expect, test } from 'vitest';

import { bitsOf, expectClose, floats, run } from '../../../../test/support/kernel-cases.ts';
import { attentionGradScratchBytes, attentionScratchBytes } from './attention-scratch.ts';
import { type F32Argument, f32, type KernelHarness } from './kernel-harness.ts';

interface Case {
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
  readonly low?: number;
  readonly high?: number;
  readonly padding?: readonly number[];
  readonly batch?: number;
  readonly heads?: number;
  readonly tokensFirst?: boolean;
}
interface Operands {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly g: Float32Array;
}

const far = 2 ** 30;
const scale = 0.3;
const full = (c: Case) => ({ low: -far, high: far, batch: 1, heads: 1, tokensFirst: false, padding: [], ...c });

function operandsOf(c: Case): Operands {
  const { batch, heads, queries, keys, depth, width } = full(c);
  const groups = batch * heads;
  return {
    q: floats(groups * queries * depth, 1),
    k: floats(groups * keys * depth, 2),
    v: floats(groups * keys * width, 3),
    g: floats(groups * queries * width, 4),
  };
}

function strides(c: Case, tokens: number, size: number): number[] {
  const { heads, tokensFirst } = full(c);
  return tokensFirst ? [tokens * heads * size, size, heads * size] : [tokens * heads * size, tokens * size, size];
}

const words = (c: Case): (number | F32Argument)[] => {
  const { batch, heads, queries, keys, depth, width, low, high } = full(c);
  return [batch, heads, queries, keys, depth, width, low, high, f32(scale)];
};

/** Scratch of exactly so many bytes, and whether what lies behind it is still there. */
function guardedScratch(h: KernelHarness, bytes: number): { address: number; intact: () => boolean } {
  const address = h.f32(new Float32Array(bytes / 4 + 16).fill(4321.5));
  return { address, intact: () => h.read(address + bytes, 16).every((x) => x === 4321.5) };
}

function forward(c: Case, x = operandsOf(c)): Float32Array {
  const { batch, heads, queries, keys, depth, width, padding } = full(c);
  const scratches: (() => boolean)[] = [];
  const out = run('attention', batch * heads * queries * width, (h, at) => {
    const scratch = guardedScratch(h, attentionScratchBytes(c));
    scratches.push(scratch.intact);
    const mask = padding.length > 0 ? h.i32(padding) : 0;
    return [
      ...[at, h.f32(x.q), h.f32(x.k), h.f32(x.v), mask, ...words(c), scratch.address],
      ...[
        strides(c, queries, width),
        strides(c, queries, depth),
        strides(c, keys, depth),
        strides(c, keys, width),
      ].flat(),
    ];
  });
  expect(
    scratches.every((intact) => intact()),
    'nothing is written behind the scratch',
  ).toBe(true);
  return out;
}

/** dq, dk, dv, one behind the other. */
function backward(c: Case, x = operandsOf(c)): Float32Array {
  const { batch, heads, queries, keys, depth, width, padding } = full(c);
  const groups = batch * heads;
  const [dk, dv] = [groups * queries * depth, groups * (queries + keys) * depth];
  const scratches: (() => boolean)[] = [];
  const out = run('attentionGrad', dv + groups * keys * width, (h, at) => {
    const scratch = guardedScratch(h, attentionGradScratchBytes(c));
    scratches.push(scratch.intact);
    const mask = padding.length > 0 ? h.i32(padding) : 0;
    const [q, k, v] = [strides(c, queries, depth), strides(c, keys, depth), strides(c, keys, width)];
    return [
      ...[at, at + 4 * dk, at + 4 * dv, h.f32(x.q), h.f32(x.k), h.f32(x.v), h.f32(x.g), mask, ...words(c)],
      ...[scratch.address, ...q, ...k, ...v, ...q, ...k, ...v, ...strides(c, queries, width)],
    ];
  });
  expect(
    scratches.every((intact) => intact()),
    'nothing is written behind the scratch',
  ).toBe(true);
  return out;
}

/** The formulas in float64. */
function oracle(c: Case, x = operandsOf(c)): { out: number[]; gradients: number[] } {
  const { batch, heads, queries, keys, depth, width, low, high, padding } = full(c);
  const out = Array<number>(batch * heads * queries * width).fill(0);
  const [dq, dk, dv] = [x.q, x.k, x.v].map(({ length }) => Array<number>(length).fill(0)) as [
    number[],
    number[],
    number[],
  ];
  const s = Math.fround(scale);
  const dot = (n: number, f: (i: number) => number) =>
    Array.from({ length: n }, (_, i) => f(i)).reduce((a, b) => a + b, 0);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const place = (tokens: number, size: number) => {
        const [sample, head, row] = strides(c, tokens, size) as [number, number, number];
        return (i: number, e: number) => b * sample + h * head + i * row + e;
      };
      const [qAt, kAt, vAt, oAt] = [
        place(queries, depth),
        place(keys, depth),
        place(keys, width),
        place(queries, width),
      ];
      const seen = (i: number, j: number) => j - i >= low && j - i <= high && !padding[b * keys + j];
      for (let i = 0; i < queries; i++) {
        const js = Array.from({ length: keys }, (_, j) => j).filter((j) => seen(i, j));
        const scores = js.map((j) => s * dot(depth, (e) => x.q[qAt(i, e)]! * x.k[kAt(j, e)]!));
        const top = Math.max(...scores);
        const e = scores.map((score) => Math.exp(score - top));
        const p = e.map((value) => value / dot(e.length, (n) => e[n]!));
        const dp = js.map((j) => dot(width, (w) => x.g[oAt(i, w)]! * x.v[vAt(j, w)]!));
        const mean = dot(js.length, (n) => p[n]! * dp[n]!);
        js.forEach((j, n) => {
          const ds = s * p[n]! * (dp[n]! - mean);
          for (let w = 0; w < width; w++) {
            out[oAt(i, w)]! += p[n]! * x.v[vAt(j, w)]!;
            dv[vAt(j, w)]! += p[n]! * x.g[oAt(i, w)]!;
          }
          for (let w = 0; w < depth; w++) {
            dq[qAt(i, w)]! += ds * x.k[kAt(j, w)]!;
            dk[kAt(j, w)]! += ds * x.q[qAt(i, w)]!;
          }
        });
      }
    }
  }
  return { out, gradients: [...dq, ...dk, ...dv] };
}

const ranges: [string, (queries: number, keys: number) => { low?: number; high?: number }][] = [
  ['everything', () => ({})],
  ['causal', (queries, keys) => ({ high: keys - queries })],
  ['causal window of 3', (queries, keys) => ({ low: keys - queries - 2, high: keys - queries })],
  ['window of 2 to each side', () => ({ low: -2, high: 2 })],
];
const lengths = [
  [1, 1],
  [1, 9],
  [3, 3],
  [5, 12],
  [16, 16],
  [17, 33],
  [31, 31],
  [64, 64],
  [45, 7],
  [70, 70],
  [90, 40],
] as const;

describe.each(lengths)('%i queries, %i keys', (queries, keys) => {
  const visible = ranges.filter(([name]) => queries <= keys || !name.startsWith('causal'));
  test.each(visible)('%s', (_, range) => {
    for (const [depth, width] of [
      [1, 1],
      [5, 3],
      [16, 16],
      [32, 20],
    ] as const) {
      const c = { queries, keys, depth, width, ...range(queries, keys) };
      const { out, gradients } = oracle(c);
      expectClose(forward(c), out, 3e-6, `${depth} and ${width}`);
      expectClose(backward(c), gradients, 2e-5, `gradients, ${depth} and ${width}`);
    }
  });
});

describe.each([true, false])('tokens before heads: %s', (tokensFirst) => {
  const shape = { queries: 19, keys: 21, depth: 8, width: 16, batch: 2, heads: 3, tokensFirst };

  test('samples and heads', () => {
    const { out, gradients } = oracle(shape);
    expectClose(forward(shape), out, 3e-6);
    expectClose(backward(shape), gradients, 2e-5);
  });

  test('padding, and a sample that is nothing else', () => {
    const padding = [
      ...Array.from({ length: 21 }, (_, j) => (j % 3 === 1 || j > 15 ? 1 : 0)),
      ...Array<number>(21).fill(7),
    ];
    const c = { ...shape, padding };
    const { out, gradients } = oracle(c);
    expectClose(forward(c), out, 3e-6);
    expectClose(backward(c), gradients, 2e-5);
    expect(Array.from(forward(c).subarray(3 * 19 * 16)).every((x) => x === 0)).toBe(true);
  });
});

test('a query has the same bits alone', () => {
  const c = { queries: 40, keys: 40, depth: 12, width: 8, high: 0 };
  const x = operandsOf(c);
  const all = forward(c, x);
  for (const i of [0, 1, 15, 16, 23, 39]) {
    const alone = forward({ ...c, queries: 1, high: i }, { ...x, q: x.q.slice(12 * i, 12 * i + 12) });
    expect(bitsOf(alone)).toEqual(bitsOf(all.slice(8 * i, 8 * i + 8)));
  }
});

test('blocks of keys that no query of a strip sees are not touched', () => {
  const shape = { queries: 64, keys: 64, depth: 8, width: 8 };
  const spoilt = (from: number, to: number) => {
    const x = operandsOf(shape);
    x.k.fill(Number.NaN, 8 * from, 8 * to);
    x.v.fill(Number.NaN, 8 * from, 8 * to);
    return x;
  };
  const causal = { ...shape, high: 0 };
  expect(forward(causal, spoilt(32, 64)).subarray(0, 32 * 8)).toEqual(forward(causal).subarray(0, 32 * 8));
  // the strip of queries 48 to 63 sees keys from 45 on, in blocks of 4 from 44 on
  const local = { ...shape, low: -3, high: 0 };
  expect(forward(local, spoilt(0, 44)).subarray(48 * 8)).toEqual(forward(local).subarray(48 * 8));
});

test('large scores do not overflow, and a NaN spoils its own query only', () => {
  const c = { queries: 18, keys: 18, depth: 4, width: 4 };
  const x = operandsOf(c);
  const large = { ...x, q: x.q.map((value) => value * 400) };
  expectClose(forward(c, large), oracle(c, large).out, 1e-3);
  const spoilt = { ...x, q: x.q.with(4 * 7, Number.NaN) };
  const [got, clean] = [forward(c, spoilt), forward(c, x)];
  for (let i = 0; i < 18; i++) {
    const row = got.slice(4 * i, 4 * i + 4);
    if (i === 7) expect(row.every(Number.isNaN)).toBe(true);
    else expect(row).toEqual(clean.slice(4 * i, 4 * i + 4));
  }
});
