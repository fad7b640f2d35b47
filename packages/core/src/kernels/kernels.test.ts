import { describe, expect, test } from 'vitest';
import { philox4x32 } from '../random/philox.ts';
import { createHarness, f32 } from './kernel-harness.ts';
import type { KernelName } from './opcodes.ts';

// Each kernel against a plain double-precision formula, over sizes that leave every kind of tail; and the bits of widened and
// plain builds, and of a row among others or alone, against each other.

const wide = createHarness({ widen: true });
const plain = createHarness({ widen: false });
const sizes = [1, 2, 3, 5, 7, 8, 9, 17, 31, 64, 100];

const pseudo = (i: number, salt: number): number =>
  ((Math.imul(i + 1 + salt * 7919, 2654435761) >>> 8) / 2 ** 24) * 8 - 4;
const values = (n: number, salt = 0): Float32Array => Float32Array.from({ length: n }, (_, i) => pseudo(i, salt));
const bits = (x: Float32Array): number[] => [...new Uint32Array(x.buffer, x.byteOffset, x.length)];

type Arg = number | ReturnType<typeof f32>;

/** Runs a kernel in both builds; the arguments are made for each harness. Returns the first `n` floats of `out`. */
function run(name: KernelName, n: number, args: (h: typeof wide, out: number) => Arg[]): Float32Array {
  const results = [wide, plain].map((h) => {
    const out = h.alloc(n);
    h.call(name, ...args(h, out));
    return h.read(out, n);
  });
  expect(bits(results[0] as Float32Array), 'widened and plain').toEqual(bits(results[1] as Float32Array));
  return results[0] as Float32Array;
}

function expectClose(got: Float32Array, expected: ArrayLike<number>, tolerance = 2e-6): void {
  for (let i = 0; i < got.length; i++) {
    const [a, b] = [got[i] as number, expected[i] as number];
    if (Object.is(a, b) || (Number.isNaN(a) && Number.isNaN(b))) continue;
    expect(Math.abs(a - b), `[${i}]: ${a} instead of ${b}`).toBeLessThanOrEqual(tolerance * Math.max(1, Math.abs(b)));
  }
}

const erf = (x: number): number => {
  let [sum, term] = [x, x];
  for (let k = 1; k < 200; k++) {
    term *= (-x * x) / k;
    sum += term / (2 * k + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
};
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
const geluSlope = (x: number) =>
  0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
const inner = (x: number) => Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3));
const geluTanhSlope = (x: number) =>
  0.5 * (1 + inner(x)) + 0.5 * x * (1 - inner(x) ** 2) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);

const unary: [KernelName, (x: number) => number][] = [
  ['neg', (x) => -x],
  ['exp', Math.exp],
  ['log', Math.log],
  ['sqrt', Math.sqrt],
  ['rsqrt', (x) => 1 / Math.sqrt(x)],
  ['reciprocal', (x) => 1 / x],
  ['square', (x) => x * x],
  ['abs', Math.abs],
  ['sign', Math.sign],
  ['sin', Math.sin],
  ['cos', Math.cos],
  ['relu', (x) => Math.max(x, 0)],
  ['sigmoid', sigmoid],
  ['tanh', Math.tanh],
  ['gelu', gelu],
  ['geluTanh', (x) => 0.5 * x * (1 + inner(x))],
  ['silu', (x) => x * sigmoid(x)],
  ['softplus', (x) => Math.log1p(Math.exp(x))],
  ['erf', erf],
];
const withConstant: [KernelName, number, (x: number, s: number) => number][] = [
  ['addScalar', 0.3, (x, s) => x + s],
  ['mulScalar', -1.7, (x, s) => x * s],
  ['powScalar', 3, (x, s) => x ** s],
  ['powScalar', -2, (x, s) => x ** s],
  ['powScalar', 0.5, (x, s) => x ** s],
  ['leakyRelu', 0.1, (x, s) => (x < 0 ? s * x : x)],
  ['elu', 0.7, (x, s) => (x < 0 ? s * Math.expm1(x) : x)],
];
const pairs: [KernelName, (a: number, g: number) => number][] = [
  ['reluGrad', (x, g) => (x > 0 ? g : 0)],
  ['sigmoidGrad', (y, g) => g * y * (1 - y)],
  ['tanhGrad', (y, g) => g * (1 - y * y)],
  ['geluGrad', (x, g) => g * geluSlope(x)],
  ['geluTanhGrad', (x, g) => g * geluTanhSlope(x)],
  ['siluGrad', (x, g) => g * sigmoid(x) * (1 + x * (1 - sigmoid(x)))],
  ['softplusGrad', (x, g) => g * sigmoid(x)],
];
const binary: [KernelName, (a: number, b: number) => number][] = [
  ['add', (a, b) => a + b],
  ['sub', (a, b) => a - b],
  ['mul', (a, b) => a * b],
  ['div', (a, b) => a / b],
  ['maximum', Math.max],
  ['minimum', Math.min],
  ['greater', (a, b) => Number(a > b)],
  ['greaterEqual', (a, b) => Number(a >= b)],
  ['equal', (a, b) => Number(a === b)],
];

describe('elementwise', () => {
  test.each(unary)('%s', (name, f) => {
    for (const n of sizes) {
      const x = values(n);
      expectClose(
        run(name, n, (h, out) => [out, h.f32(x), n]),
        Array.from(x, f),
        3e-6,
      );
    }
  });
  test.each(withConstant)('%s %f', (name, s, f) => {
    for (const n of sizes) {
      const x = values(n);
      expectClose(
        run(name, n, (h, out) => [out, h.f32(x), n, f32(s)]),
        Array.from(x, (v) => f(v, Math.fround(s))),
        1e-5,
      );
    }
  });
  test.each(pairs)('%s', (name, f) => {
    for (const n of sizes) {
      const [x, g] = [values(n), values(n, 1)];
      expectClose(
        run(name, n, (h, out) => [out, h.f32(x), h.f32(g), n]),
        Array.from(x, (v, i) => f(v, g[i] as number)),
        4e-6,
      );
    }
  });
  test.each(unary.map(([name]) => name).filter((name) => name !== 'sign'))('NaN passes through %s', (name) => {
    expect(run(name, 9, (h, out) => [out, h.f32(Array(9).fill(Number.NaN)), 9]).every(Number.isNaN)).toBe(true);
  });
  test('edges', () => {
    const edge = (name: KernelName, x: number) => run(name, 1, (h, out) => [out, h.f32([x]), 1])[0];
    const infinity = Number.POSITIVE_INFINITY;
    expect([edge('exp', infinity), edge('exp', -infinity), edge('exp', 100), edge('exp', -200)]).toEqual([
      infinity,
      0,
      infinity,
      0,
    ]);
    expect(edge('exp', -100)).toBeCloseTo(3.8e-44, 44);
    expect([edge('log', 0), edge('log', infinity)]).toEqual([-infinity, infinity]);
    expect(edge('log', -1)).toBeNaN();
    expect([edge('tanh', 50), edge('tanh', -infinity), edge('erf', infinity), edge('sigmoid', -infinity)]).toEqual([
      1, -1, 1, 0,
    ]);
    expect([edge('relu', -infinity), edge('softplus', infinity)]).toEqual([0, infinity]);
  });
});

describe.each(binary)('%s', (name, f) => {
  test('whole, row, column and one number on each side', () => {
    for (const [outer, columns] of [
      [1, 1],
      [3, 5],
      [2, 8],
      [5, 17],
    ] as const) {
      const lengths = [outer * columns, columns, outer, 1];
      for (let left = 0; left < 4; left++) {
        for (let right = 0; right < 4; right++) {
          const [x, y] = [
            values(lengths[left] as number).map(Math.round),
            values(lengths[right] as number, 1).map(Math.round),
          ];
          const at = (v: Float32Array, mode: number, i: number, j: number) =>
            v[[i * columns + j, j, i, 0][mode] as number] as number;
          const expected = Array.from({ length: outer * columns }, (_, k) => {
            const [i, j] = [Math.floor(k / columns), k % columns];
            return Math.fround(f(at(x, left, i, j), at(y, right, i, j)));
          });
          expectClose(
            run(name, outer * columns, (h, out) => [out, h.f32(x), h.f32(y), outer, columns, left, right]),
            expected,
            0,
          );
        }
      }
    }
  });
});

/** The rule of docs/kernels.md: eight lanes, joined in fixed order, in single precision. */
function laneSum(x: ArrayLike<number>): number {
  const f = Math.fround;
  const lanes = Array<number>(8).fill(0);
  for (let j = 0; j < x.length; j++) lanes[j % 8] = f((lanes[j % 8] as number) + (x[j] as number));
  const s = [0, 1, 2, 3].map((k) => f((lanes[k] as number) + (lanes[k + 4] as number))) as [
    number,
    number,
    number,
    number,
  ];
  return f(f(s[0] + s[2]) + f(s[1] + s[3]));
}

describe('reductions', () => {
  test.each(sizes)('rows of %i, to the bit', (n) => {
    const x = values(3 * n);
    const expected = [0, 1, 2].map((i) => laneSum(x.subarray(i * n, (i + 1) * n)));
    expect([...run('reduceSum', 3, (h, out) => [out, h.f32(x), 3, n, 1])]).toEqual(expected);
  });
  test.each(sizes)('%i columns, ascending, to the bit', (columns) => {
    const x = values(5 * columns);
    const expected = Array.from({ length: columns }, (_, j) =>
      [0, 1, 2, 3, 4].reduce((sum, i) => Math.fround(sum + (x[i * columns + j] as number)), 0),
    );
    expect([...run('reduceSum', columns, (h, out) => [out, h.f32(x), 1, 5, columns])]).toEqual(expected);
  });
  test('largest value and its place; the first of equals, NaN before all', () => {
    const rows = [
      [1, 5, 5, 2],
      [-1, -2, -1, -3],
      [0, Number.NaN, 9, Number.NaN],
    ];
    expect([...run('reduceMax', 3, (h, out) => [out, h.f32(rows.flat()), 3, 4, 1])]).toEqual([5, -1, Number.NaN]);
    const out = wide.alloc(3);
    wide.call('argmax', out, wide.f32(rows.flat()), 3, 4, 1);
    expect([...wide.readI32(out, 3)]).toEqual([1, 0, 1]);
  });
});

const softmaxOf = (x: readonly number[]) => {
  const top = Math.max(...x);
  const e = x.map((v) => Math.exp(v - top));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((v) => v / sum);
};
const rowsOf = (x: Float32Array, columns: number) =>
  Array.from({ length: x.length / columns }, (_, i) => [...x.subarray(i * columns, (i + 1) * columns)]);

describe.each(sizes)('rows of %i', (n) => {
  const x = values(4 * n);
  const g = values(4 * n, 3);
  const rows = rowsOf(x, n);
  const gradients = rowsOf(g, n);
  test('softmax and logSoftmax', () => {
    expectClose(
      run('softmax', 4 * n, (h, out) => [out, h.f32(x), 4, n]),
      rows.flatMap(softmaxOf),
    );
    expectClose(
      run('logSoftmax', 4 * n, (h, out) => [out, h.f32(x), 4, n]),
      rows.flatMap((r) => softmaxOf(r).map(Math.log)),
      4e-6,
    );
  });
  test('a row alone has the bits of the row among others', () => {
    const all = run('softmax', 4 * n, (h, out) => [out, h.f32(x), 4, n]);
    const one = run('softmax', n, (h, out) => [out, h.f32(x.subarray(2 * n, 3 * n)), 1, n]);
    expect(bits(all.slice(2 * n, 3 * n))).toEqual(bits(one));
  });
  test('crossEntropy and its gradient', () => {
    const labels = [0, n - 1, Math.floor(n / 2), -7];
    const expected = rows.map((r, i) =>
      labels[i] === -7 ? 0 : -Math.log(softmaxOf(r)[labels[i] as number] as number),
    );
    expectClose(
      run('crossEntropy', 4, (h, out) => [out, h.f32(x), h.i32(labels), 4, n, -7, h.alloc(64), 0]),
      expected,
      4e-6,
    );
    const slope = rows.flatMap((r, i) =>
      softmaxOf(r).map((p, j) => (labels[i] === -7 ? 0 : (p - Number(j === labels[i])) * (g[i] as number))),
    );
    expectClose(
      run('crossEntropyGrad', 4 * n, (h, out) => [out, h.f32(x), h.i32(labels), h.f32(g), 4, n, -7]),
      slope,
    );
  });
  test('layerNorm', () => {
    const [w, b] = [values(n, 5), values(n, 6)];
    const normalised = rows.map((r) => {
      const mean = r.reduce((s, v) => s + v, 0) / n;
      const variance = r.reduce((s, v) => s + (v - mean) ** 2, 0) / n;
      return r.map((v) => (v - mean) / Math.sqrt(variance + 1e-5));
    });
    const expected = normalised.flatMap((r) => r.map((v, j) => v * (w[j] as number) + (b[j] as number)));
    expectClose(
      run('layerNorm', 4 * n, (h, out) => [out, h.f32(x), h.f32(w), h.f32(b), 4, n, f32(1e-5)]),
      expected,
      2e-5,
    );
    const weightGradient = Array.from({ length: n }, (_, j) =>
      normalised.reduce((s, r, i) => s + (r[j] as number) * (gradients[i]?.[j] as number), 0),
    );
    const got = run('layerNormGradWeight', n, (h, out) => [
      out,
      h.f32(x),
      h.f32(g),
      h.i32([0, 1, 4]),
      2,
      n,
      f32(1e-5),
      h.alloc(65 * n),
    ]);
    expectClose(got, weightGradient, 5e-5);
  });
});

test('an index out of range is noted once, with its place, and reads as zeros', () => {
  const context = wide.i32([0, 0, 40, ...Array(61).fill(0)]);
  const out = wide.alloc(8);
  wide.call('embedding', out, wide.f32(values(6)), wide.i32([2, 5, -1, 0]), 4, 2, 3, context, 77);
  expect([...wide.readI32(context, 13)].slice(8)).toEqual([1, 77, 1, 5, 40]);
  expect([...wide.read(out, 8)].slice(2, 6)).toEqual([0, 0, 0, 0]);
});

test('dropout keeps by Philox at (element, op, position) and scales', () => {
  const [samples, elements, id, p, position] = [3, 7, 12345, 0.3, 9];
  const x = values(samples * elements);
  const words = new Uint32Array(4);
  const expected = Float32Array.from(x, (v, k) => {
    const [i, e] = [Math.floor(k / elements), k % elements];
    philox4x32(e >> 2, id, position + 1 + i, 0, 11, 22, words);
    const kept = (words[e & 3] as number) >= Math.floor(Math.fround(p) * 2 ** 32);
    return kept ? Math.fround(v * Math.fround(1 / (1 - Math.fround(p)))) : 0;
  });
  const got = run('dropout', x.length, (h, out) => [
    out,
    h.f32(x),
    samples,
    elements,
    id,
    f32(p),
    h.i32([11, 22, position]),
    1,
  ]);
  expect(bits(got)).toEqual(bits(expected));
  expect(got.filter((v) => v === 0).length).toBeGreaterThan(2);
});

describe('hashBlocks', () => {
  const hash = (words: readonly number[], bytes = words.length * 4) => {
    const out = wide.alloc(4);
    wide.call('hashBlocks', out, wide.i32(words), bytes);
    return [...wide.readU32(out, 4)].join();
  };
  const words = Array.from({ length: 150 }, (_, i) => Math.imul(i + 1, 0x9e3779b1));
  test('any flipped bit, exchange of words or length changes it', () => {
    const seen = new Set([hash(words)]);
    for (let i = 0; i < 150; i++) seen.add(hash(words.with(i, (words[i] as number) ^ (1 << ((i * 7) % 32)))));
    for (let i = 0; i + 16 < 150; i++)
      seen.add(hash(words.with(i, words[i + 16] as number).with(i + 16, words[i] as number)));
    for (let n = 1; n < 150; n++) seen.add(hash(words, n * 4));
    seen.add(hash(Array(64).fill(0))).add(hash(Array(65).fill(0)));
    expect(seen.size).toBe(1 + 150 + 134 + 149 + 2);
  });
  test('a single bit moves about half of the result', () => {
    const a = hash(words).split(',').map(Number);
    const b = hash(words.with(77, (words[77] as number) ^ 1))
      .split(',')
      .map(Number);
    const moved = a.reduce(
      (n, word, i) => n + ((word ^ (b[i] as number)) >>> 0).toString(2).replaceAll('0', '').length,
      0,
    );
    expect(moved).toBeGreaterThan(40);
    expect(moved).toBeLessThan(88);
  });
});

test('blockSumSquares is exact where doubles are, block by block', () => {
  const x = values(5000);
  const squares = (from: number, to: number) => x.subarray(from, to).reduce((s, v) => s + v * v, 0);
  const out = wide.alloc(4);
  wide.call('blockSumSquares', out, wide.f32(x), 5000);
  const [first, second] = wide.readF64(out, 2) as unknown as [number, number];
  expect(first).toBeCloseTo(squares(0, 4096), 8);
  expect(second).toBeCloseTo(squares(4096, 5000), 8);
});

test.each([
  [
    [2, 3, 5],
    [15, 5, 1],
  ],
  [
    [3, 2, 5],
    [5, 15, 1],
  ],
  [
    [5, 2, 3],
    [1, 15, 5],
  ],
  [
    [8, 12],
    [1, 8],
  ],
  [
    [7, 9],
    [1, 7],
  ],
  [
    [4, 6],
    [0, 1],
  ],
])('stridedCopy of %j with strides %j', (shape, strides) => {
  const n = shape.reduce((a, b) => a * b, 1);
  const x = values(200);
  const expected = Array.from({ length: n }, (_, k) => {
    let [left, at] = [k, 0];
    for (let d = shape.length - 1; d >= 0; d--) {
      at += (left % (shape[d] as number)) * (strides[d] as number);
      left = Math.floor(left / (shape[d] as number));
    }
    return x[at] as number;
  });
  const own = shape.map((_, d) => shape.slice(d + 1).reduce((a, b) => a * b, 1));
  const pad = (v: readonly number[], fill: number) => [...Array(6 - v.length).fill(fill), ...v];
  expect([
    ...run('stridedCopy', n, (h, out) => [out, h.f32(x), ...pad(shape, 1), ...pad(strides, 0), ...pad(own, 0)]),
  ]).toEqual(expected);
});
