import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { createHarness, type KernelHarness } from './kernel-harness.ts';

const widened = createHarness();
const plain = createHarness({ widen: false });

/** Fixed floats in [-1, 1), different everywhere. */
function floats(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 23 - 1;
  });
}

interface Product {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** Element strides of a row and a column of A and B. */
  a: readonly [number, number];
  b: readonly [number, number];
  batchStrides?: readonly [number, number];
  segments?: readonly number[];
  bias?: boolean;
}

interface Operands {
  a: Float32Array;
  b: Float32Array;
  bias: Float32Array;
}

function operandsOf({ m, n, k, batch = 1, a, b, batchStrides: [aStep, bStep] = [0, 0] }: Product): Operands {
  const extent = (rows: number, cols: number, [rs, cs]: readonly [number, number], step: number): number =>
    Math.max(0, rows - 1) * rs + Math.max(0, cols - 1) * cs + (batch - 1) * step + 1;
  return { a: floats(extent(m, k, a, aStep), 1), b: floats(extent(k, n, b, bStep), 2), bias: floats(n, 3) };
}

function run(h: KernelHarness, product: Product, operands = operandsOf(product)): Float32Array {
  const { m, n, k, batch = 1, a, b, batchStrides = [0, 0], segments, bias } = product;
  const guard = 16;
  const out = h.f32(new Float32Array(batch * m * n + guard).fill(1234.5));
  h.call(
    'matmul',
    out,
    h.f32(operands.a),
    h.f32(operands.b),
    m,
    n,
    k,
    ...a,
    ...b,
    batch,
    ...batchStrides,
    m * n,
    segments ? h.i32(segments) : 0,
    segments ? segments.length - 1 : 0,
    bias ? h.f32(operands.bias) : 0,
    h.scratch,
  );
  const result = h.read(out, batch * m * n + guard);
  expect(result.subarray(batch * m * n), 'nothing is written behind the output').toEqual(
    new Float32Array(guard).fill(1234.5),
  );
  return result.subarray(0, batch * m * n);
}

/** The contract, word for word: one f32 sum per element (or segment), k ascending from +0, segments joined by the tree. */
function contract(
  { m, n, k, batch = 1, a, b, batchStrides = [0, 0], segments = [0, k], bias }: Product,
  x: Operands,
): Float32Array {
  const out = new Float32Array(batch * m * n);
  const part = (base: readonly [number, number], i: number, j: number, from: number, to: number): number => {
    let sum = 0;
    for (let p = from; p < to; p++) {
      sum = Math.fround(sum + Math.fround(x.a[base[0] + i * a[0] + p * a[1]]! * x.b[base[1] + p * b[0] + j * b[1]]!));
    }
    return sum;
  };
  const tree = (lo: number, hi: number, leaf: (s: number) => number): number => {
    if (hi - lo === 1) return leaf(lo);
    let half = 1;
    while (half * 2 < hi - lo) half *= 2;
    return Math.fround(tree(lo, lo + half, leaf) + tree(lo + half, hi, leaf));
  };
  for (let q = 0; q < batch; q++) {
    const base = [q * batchStrides[0], q * batchStrides[1]] as const;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        const sum = tree(0, segments.length - 1, (s) => part(base, i, j, segments[s]!, segments[s + 1]!));
        out[(q * m + i) * n + j] = bias ? sum + x.bias[j]! : sum;
      }
    }
  }
  return out;
}

/** The largest error against a sum in f64, relative to the sum of magnitudes. */
function relativeError({ m, n, k, a, b }: Product, { a: x, b: y }: Operands, got: Float32Array): number {
  let worst = 0;
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      let magnitude = 0;
      for (let p = 0; p < k; p++) {
        const term = x[i * a[0] + p * a[1]]! * y[p * b[0] + j * b[1]]!;
        sum += term;
        magnitude += Math.abs(term);
      }
      worst = Math.max(worst, Math.abs(got[i * n + j]! - sum) / (magnitude || 1));
    }
  }
  return worst;
}

const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.slice().buffer);

type Layout = (rows: number, cols: number) => readonly [number, number];
const layouts: Record<string, Layout> = {
  'by rows': (_, cols) => [cols, 1],
  'by columns': (rows) => [1, rows],
  spaced: (_, cols) => [cols * 3 + 5, 3],
};
const pairs = Object.keys(layouts).flatMap((left) => Object.keys(layouts).map((right) => [left, right] as const));

describe.each(pairs)('A %s, B %s', (left, right) => {
  // edges of the tile (4 x 16), of the blocks (256 K positions, 128 rows, 1024 columns), primes, single rows and columns
  test.each([
    [1, 1, 1],
    [1, 17, 5],
    [2, 16, 3],
    [3, 1, 7],
    [4, 16, 4],
    [5, 15, 256],
    [7, 33, 257],
    [13, 31, 37],
    [16, 20, 33],
    [17, 64, 5],
    [1, 100, 300],
    [37, 53, 777],
    [129, 18, 6],
    [2, 1030, 3],
    [20, 1030, 2],
  ])('%i x %i, K %i', (m, n, k) => {
    const product: Product = { m, n, k, a: layouts[left]!(m, k), b: layouts[right]!(k, n) };
    const operands = operandsOf(product);
    const got = run(widened, product, operands);
    expect(relativeError(product, operands, got)).toBeLessThan(k * 2 ** -24);
    const expected = bits(contract(product, operands));
    expect(bits(got)).toEqual(expected);
    expect(bits(run(plain, product, operands))).toEqual(expected);
  });

  test('batch, bias and segments', () => {
    const [m, n, k] = [6, 19, 40];
    const product: Product = {
      m,
      n,
      k,
      batch: 3,
      a: layouts[left]!(m, k),
      b: layouts[right]!(k, n),
      batchStrides: [11, 7],
      bias: true,
      segments: [0, 9, 10, 26, 40],
    };
    const operands = operandsOf(product);
    expect(bits(run(widened, product, operands))).toEqual(bits(contract(product, operands)));
  });
});

test.each([
  ['a matrix', true, false],
  ['ReLU', false, true],
  ['a matrix and ReLU', true, true],
])('a product that ends with %s', (_, adds, relu) => {
  const [m, n, k, batch] = [21, 37, 700, 2];
  const product: Product = { m, n, k, batch, a: [k, 1], b: [1, k], batchStrides: [m * k, n * k], bias: true };
  const operands = operandsOf(product);
  const addend = floats(batch * m * n, 4);
  const expected = run(widened, product, operands).map((x, i) => {
    const sum = Math.fround(x + (adds ? addend[i]! : 0));
    return relu && sum < 0 ? 0 : sum;
  });
  for (const h of [widened, plain]) {
    const out = h.alloc(batch * m * n);
    const [x, y, bias] = [h.f32(operands.a), h.f32(operands.b), h.f32(operands.bias)];
    const layout = [m, n, k, ...product.a, ...product.b, batch, m * k, n * k, m * n, 0, 0, bias, h.scratch];
    h.call('matmulThen', out, x, y, ...layout, adds ? h.f32(addend) : 0, relu ? 1 : 0);
    expect(bits(h.read(out, batch * m * n))).toEqual(bits(expected));
  }
});

test('any shape, any strides, any segments', () => {
  const size = fc.integer({ min: 1, max: 70 });
  const layout = fc.constantFrom(...Object.values(layouts));
  fc.assert(
    fc.property(
      fc.record({ m: size, n: size, k: fc.integer({ min: 1, max: 600 }), batch: fc.integer({ min: 1, max: 3 }) }),
      fc.record({ left: layout, right: layout, steps: fc.tuple(fc.nat(99), fc.nat(99)), bias: fc.boolean() }),
      fc.option(fc.uniqueArray(fc.nat(600), { maxLength: 40 })),
      (shape, { left, right, steps, bias }, cuts) => {
        const { m, n, k } = shape;
        const inner = (cuts ?? []).filter((cut) => cut > 0 && cut < k).sort((x, y) => x - y);
        const product: Product = {
          ...shape,
          a: left(m, k),
          b: right(k, n),
          batchStrides: steps,
          bias,
          ...(cuts ? { segments: [0, ...inner, k] } : {}),
        };
        const operands = operandsOf(product);
        const expected = bits(contract(product, operands));
        expect(bits(run(widened, product, operands))).toEqual(expected);
        expect(bits(run(plain, product, operands))).toEqual(expected);
      },
    ),
    { numRuns: 60, seed: 20240601 },
  );
});

describe.each([
  ['widened', widened],
  ['plain', plain],
] as const)('%s', (_, h) => {
  test.each([
    [1, 5],
    [2, 300],
    [3, 300],
    [7, 1030],
    [7, 4000],
    [24, 3000],
    [16, 2048],
    [16, 128],
    [16, 1024],
    [33, 700],
    [64, 64],
    [100, 100],
  ])('%i segments of K = %i equal the segments one by one, joined by addition', (nseg, k) => {
    const [m, n] = [21, 35];
    const segments = Array.from({ length: nseg + 1 }, (__, s) => Math.floor((s * s * (k - nseg)) / nseg ** 2) + s); // uneven, none empty
    const product: Product = { m, n, k, a: [1, m], b: [n, 1] };
    const operands = operandsOf(product);
    const parts = segments.slice(1).map((end, s) => {
      const start = segments[s]!;
      const [x, y] = [operands.a.subarray(start * m, end * m), operands.b.subarray(start * n, end * n)];
      return run(h, { ...product, k: end - start }, { ...operands, a: x, b: y });
    });
    // the stack machine of docs/kernels.md
    const stack: Float32Array[] = [];
    const merge = (): void => {
      const [y, x] = [stack.pop()!, stack.pop()!];
      stack.push(x.map((value, i) => value + y[i]!));
    };
    parts.forEach((part, s) => {
      stack.push(part);
      for (let done = s + 1; done % 2 === 0; done /= 2) merge();
    });
    while (stack.length > 1) merge();
    expect(bits(run(h, { ...product, segments }, operands))).toEqual(bits(stack[0]!));
  });

  // with 11 levels of 260 rows the stack has room for 368 columns: two strips
  test.each([
    [65536, 5, 6],
    [1024, 260, 380],
  ])('%i segments, %i x %i: a deep tree', (nseg, m, n) => {
    const product: Product = {
      m,
      n,
      k: nseg,
      a: [1, 0],
      b: [0, 1],
      segments: Array.from({ length: nseg + 1 }, (__, s) => s),
    };
    const operands = operandsOf(product); // every segment is the same product, so the tree only doubles, exactly
    const expected = Float32Array.from(
      { length: m * n },
      (__, e) => Math.fround(operands.a[Math.floor(e / n)]! * operands.b[e % n]!) * nseg,
    );
    expect(bits(run(h, product, operands))).toEqual(bits(expected));
  });

  test('a segmented product in blocks of rows and columns equals the contract', () => {
    const product: Product = {
      m: 261,
      n: 1031,
      k: 20,
      a: [1, 261],
      b: [1031, 1],
      segments: [0, 3, 4, 11, 18, 20],
      bias: true,
    };
    const operands = operandsOf(product);
    expect(bits(run(h, product, operands))).toEqual(bits(contract(product, operands)));
  });

  test.each([1, 2, 3, 4, 5])('segments of up to %i positions equal the contract', (longest) => {
    const segments = [7];
    for (let s = 0; s < 27; s++) segments.push(segments.at(-1)! + 1 + ((s * s + 3) % longest));
    for (const [m, n] of [
      [70, 36],
      [3, 5],
    ] as const) {
      const product: Product = { m, n, k: 150, a: [1, m], b: [n, 1], segments, bias: true };
      const operands = operandsOf(product);
      expect(bits(run(h, product, operands))).toEqual(bits(contract(product, operands)));
    }
  });

  test.each([1, 3, 9])('segments of %i products that are all -0 give +0', (length) => {
    const [m, n, k] = [6, 18, 5 * length];
    const product: Product = { m, n, k, a: [1, m], b: [n, 1], segments: [0, 1, 2, 3, 4, 5].map((s) => s * length) };
    const operands = {
      ...operandsOf(product),
      a: new Float32Array(k * m).fill(-0),
      b: new Float32Array(k * n).fill(1),
    };
    expect(bits(run(h, product, operands))).toEqual(new Uint32Array(m * n));
  });

  test('segments need not begin at zero', () => {
    const product: Product = { m: 5, n: 6, k: 12, a: [12, 1], b: [6, 1] };
    const operands = operandsOf(product);
    for (const segments of [
      [3, 9],
      [3, 5, 9],
    ]) {
      expect(bits(run(h, { ...product, segments }, operands))).toEqual(
        bits(contract({ ...product, segments }, operands)),
      );
    }
  });

  test('some rows alone equal the same rows of the whole, for every count', () => {
    const product: Product = { m: 150, n: 37, k: 300, a: [300, 1], b: [37, 1], bias: true };
    const operands = operandsOf(product);
    const whole = bits(run(h, product, operands));
    for (const [from, count] of [
      [0, 1],
      [3, 2],
      [5, 3],
      [1, 17],
      [77, 73],
    ] as const) {
      const rows = run(h, { ...product, m: count }, { ...operands, a: operands.a.subarray(from * 300) });
      expect(bits(rows)).toEqual(whole.subarray(from * 37, (from + count) * 37));
    }
  });

  test('both tile shapes give the same bits', () => {
    const product: Product = { m: 23, n: 50, k: 300, a: [300, 1], b: [50, 1], segments: [0, 100, 170, 300] };
    const whole = [true, false].map((narrow) => {
      h.kernels.setNarrowTiles(narrow);
      return bits(run(h, product));
    });
    h.kernels.setNarrowTiles(!h.widened);
    expect(whole[0]).toEqual(whole[1]);
  });

  test('nothing to sum gives the bias, or +0', () => {
    const product: Product = { m: 2, n: 3, k: 0, a: [1, 1], b: [1, 1] };
    expect(bits(run(h, product))).toEqual(new Uint32Array(6));
    const { bias } = operandsOf(product);
    expect(run(h, { ...product, bias: true })).toEqual(Float32Array.of(...bias, ...bias));
  });

  test('a sum of negative zeros is +0', () => {
    const product: Product = { m: 1, n: 1, k: 2, a: [2, 1], b: [1, 1] };
    const got = run(h, product, { a: Float32Array.of(-1, -1), b: Float32Array.of(0, 0), bias: new Float32Array(1) });
    expect(bits(got)).toEqual(Uint32Array.of(0));
  });

  test('NaN and infinity reach their rows and columns, and no others', () => {
    const product: Product = { m: 6, n: 18, k: 5, a: [5, 1], b: [18, 1] };
    const operands = operandsOf(product);
    operands.a[2 * 5 + 1] = NaN; // row 2
    operands.a[5 * 5] = Infinity; // row 5
    operands.b[3 * 18 + 17] = -Infinity; // column 17
    const got = run(h, product, operands);
    for (let i = 0; i < 6; i++) {
      for (let j = 0; j < 18; j++) {
        const value = got[i * 18 + j]!;
        if (i === 2) expect(value).toBeNaN();
        else expect(Number.isFinite(value)).toBe(i !== 5 && j !== 17);
      }
    }
    expect(bits(got.filter(Number.isFinite))).toEqual(bits(contract(product, operands).filter(Number.isFinite)));
  });
});
