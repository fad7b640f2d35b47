import { describe, expect, test } from 'vitest';

import { asIntegers, expectClose, floats, run, sizes } from '../../../../test/support/kernel-cases.ts';
import { createHarness, type KernelHarness } from './kernel-harness.ts';

// Two graphs of 4 rows with room for 6 edges from 5 nodes. Row 1 of the first hears nobody; the second has a single edge.
const [graphs, rows, nodes, edges] = [2, 4, 5, 6];
const pointers = [0, 2, 2, 5, 6, 0, 0, 0, 1, 1];
const columns = [4, 0, 1, 1, 3, 2, 3, 0, 0, 0, 0, 0];
/** [graph, row, edge, column] of every edge. */
const listed = Array.from({ length: graphs }, (_, b) =>
  Array.from({ length: rows }, (_, i) => {
    const [from, to] = pointers.slice(b * (rows + 1) + i) as [number, number];
    return Array.from({ length: to - from }, (_, k) => [b, i, from + k, columns[b * edges + from + k]] as const);
  }).flat(),
).flat() as (readonly [number, number, number, number])[];

const fround = Math.fround;
const structure = (h: KernelHarness): [number, number] => [h.i32(pointers), h.i32(columns)];

describe.each(sizes)('%i features', (width) => {
  describe.each([1, 3])('%i heads', (heads) => {
    const features = heads * width;
    const x = floats(graphs * nodes * features, 1);
    const g = floats(graphs * rows * features, 2);
    const w = floats(graphs * edges * heads, 3);
    const dims = [graphs, rows, nodes, edges, heads, width, 0];
    /** The same sum, edge by edge in f32. */
    const accumulate = (
      length: number,
      from: Float32Array,
      place: (b: number, i: number, column: number) => [number, number],
    ) => {
      const out = new Float32Array(length);
      for (const [b, i, e, column] of listed) {
        const [to, source] = place(b, i, column);
        for (let j = 0; j < features; j++) {
          const weight = w[(b * edges + e) * heads + Math.floor(j / width)] as number;
          const product = fround(weight * (from[source * features + j] as number));
          out[to * features + j] = fround((out[to * features + j] as number) + product);
        }
      }
      return out;
    };

    test('sparseProduct and its gradient by the input', () => {
      const product = accumulate(graphs * rows * features, x, (b, i, column) => [b * rows + i, b * nodes + column]);
      expect(
        run('sparseProduct', product.length, (h, out) => [out, h.f32(x), h.f32(w), ...structure(h), ...dims]),
      ).toEqual(product);
      const gradient = accumulate(graphs * nodes * features, g, (b, i, column) => [b * nodes + column, b * rows + i]);
      expect(
        run('sparseProductGradInput', gradient.length, (h, out) => [out, h.f32(g), h.f32(w), ...structure(h), ...dims]),
      ).toEqual(gradient);
    });

    test('sparseProductGradWeights', () => {
      const wanted = new Float64Array(graphs * edges * heads);
      for (const [b, i, e, column] of listed) {
        for (let j = 0; j < features; j++) {
          const at = (b * edges + e) * heads + Math.floor(j / width);
          const [source, target] = [(b * nodes + column) * features + j, (b * rows + i) * features + j];
          wanted[at] = (wanted[at] as number) + (x[source] as number) * (g[target] as number);
        }
      }
      const got = run('sparseProductGradWeights', wanted.length, (h, out) => [
        out,
        h.f32(x),
        h.f32(g),
        ...structure(h),
        ...dims,
      ]);
      expectClose(got, wanted, 1e-5);
    });
  });

  test('edgeSources and its gradient, no weights, one graph for both', () => {
    const x = floats(graphs * nodes * width, 4);
    const dims = [graphs, rows, nodes, edges, width, 1];
    const picked = new Float32Array(graphs * edges * width);
    const back = new Float32Array(graphs * nodes * width);
    const g = floats(graphs * edges * width, 5);
    const summed = new Float32Array(graphs * rows * width);
    for (let b = 0; b < graphs; b++) {
      for (const [, i, e, column] of listed.filter(([graph]) => graph === 0)) {
        for (let j = 0; j < width; j++) {
          const [edge, node] = [(b * edges + e) * width + j, (b * nodes + column) * width + j];
          const row = (b * rows + i) * width + j;
          picked[edge] = x[node] as number;
          back[node] = (back[node] as number) + (g[edge] as number);
          summed[row] = (summed[row] as number) + (x[node] as number);
        }
      }
    }
    expect(run('edgeSources', picked.length, (h, out) => [out, h.f32(x), ...structure(h), ...dims])).toEqual(picked);
    expect(run('edgeSourcesGrad', back.length, (h, out) => [out, h.f32(g), ...structure(h), ...dims])).toEqual(back);
    const product = [graphs, rows, nodes, edges, 1, width, 1];
    expect(run('sparseProduct', summed.length, (h, out) => [out, h.f32(x), 0, ...structure(h), ...product])).toEqual(
      summed,
    );
  });

  test('ranges', () => {
    const x = floats(graphs * edges * width, 6);
    const g = floats(graphs * edges * width, 7);
    const dims = [graphs, rows, edges, width, 0];
    const of = (values: ArrayLike<number>, b: number, i: number, j: number) =>
      listed.flatMap(([graph, row, e]) =>
        graph === b && row === i ? [values[(b * edges + e) * width + j] as number] : [],
      );
    const perRange = (f: (values: number[]) => number) =>
      Array.from({ length: graphs * rows * width }, (_, at) => {
        const [b, i, j] = [Math.floor(at / width / rows), Math.floor(at / width) % rows, at % width];
        return f(of(x, b, i, j));
      });
    const perRow = (f: (b: number, i: number, j: number, at: number) => number) => {
      const out = Array<number>(graphs * edges * width).fill(0);
      for (const [b, i, e] of listed)
        for (let j = 0; j < width; j++) out[(b * edges + e) * width + j] = f(b, i, j, (b * edges + e) * width + j);
      return out;
    };
    const sums = perRange((values) => values.reduce((s, v) => s + v, 0));
    const tops = perRange((values) => (values.length ? Math.max(...values) : 0));
    const pointed = (h: KernelHarness) => [h.i32(pointers), ...dims];
    expectClose(
      run('rangeSum', sums.length, (h, out) => [out, h.f32(x), ...pointed(h)]),
      sums,
      1e-6,
    );
    expectClose(
      run('rangeMax', tops.length, (h, out) => [out, h.f32(x), ...pointed(h)]),
      tops,
      0,
    );

    const spread = perRow((b, i, j) => g[(b * rows + i) * width + j] as number);
    expectClose(
      run('rangeSpread', spread.length, (h, out) => [out, h.f32(g), ...pointed(h)]),
      spread,
      0,
    );
    const topGradient = perRow((b, i, j, at) =>
      x[at] === tops[(b * rows + i) * width + j] ? (g[(b * rows + i) * width + j] as number) : 0,
    );
    const grad = run('rangeMaxGrad', topGradient.length, (h, out) => [
      out,
      h.f32(x),
      h.f32(tops),
      h.f32(g),
      ...pointed(h),
    ]);
    expectClose(grad, topGradient, 0);

    const soft = perRow((b, i, j, at) => {
      const total = of(x, b, i, j).reduce((s, v) => s + Math.exp(v), 0);
      return Math.exp(x[at] as number) / total;
    });
    expectClose(
      run('rangeSoftmax', soft.length, (h, out) => [out, h.f32(x), ...pointed(h)]),
      soft,
      1e-6,
    );
    const softGradient = perRow((b, i, j, at) => {
      const [ys, gs] = [of(soft, b, i, j), of(g, b, i, j)];
      return (soft[at] as number) * ((g[at] as number) - ys.reduce((s, y, k) => s + y * (gs[k] as number), 0));
    });
    expectClose(
      run('rangeSoftmaxGrad', soft.length, (h, out) => [out, h.f32(soft), h.f32(g), ...pointed(h)]),
      softGradient,
      1e-6,
    );
  });
});

test('rangeCounts counts at least 1', () => {
  const got = run('rangeCounts', graphs * rows, (h, out) => [out, h.i32(pointers), graphs, rows, edges]);
  expect([...got]).toEqual([2, 1, 3, 1, 1, 1, 1, 1]);
});

test('self loops', () => {
  // Node 2 has one, node 1 two.
  const [own, sources] = [
    [0, 1, 3, 5, 5],
    [3, 1, 1, 0, 2, 9],
  ];
  const dims = [1, 4, 6];
  const args = (h: KernelHarness, out: number) => [out, h.i32(own), h.i32(sources), ...dims];
  expect([...run('missingLoops', 4, args)]).toEqual([1, 0, 0, 1]);
  expect([...asIntegers(run('loopPointers', 5, args))]).toEqual([0, 2, 3, 5, 6]);
  expect([...asIntegers(run('loopColumns', 10, args))]).toEqual([3, 0, 1, 0, 2, 3, 0, 0, 0, 0]);
});

describe('a wrong adjacency is noted, and nothing outside is touched', () => {
  const h = createHarness();
  const context = (): number => h.i32([1, 2, 640, ...Array<number>(61).fill(0)]);
  const words = (ctx: number): number[] => [...h.readI32(ctx + 32, 5)];

  test.each([
    [[0, 2, 1, 3], 2, 1, [0, 2, 2, 3]],
    [[0, 2, 7, 3], 2, 7, [0, 2, 2, 3]],
    [[1, 2, 3, 4], 0, 1, [0, 2, 3, 4]],
    [[0, -2, 1, 3], 1, -2, [0, 0, 1, 3]],
  ])('row pointers %j', (bad, place, value, kept) => {
    const [ctx, out] = [context(), h.alloc(8)];
    h.call('adjacencyPointers', out, h.i32([0, 1, 1, 6, ...bad]), 2, 4, 6, ctx, 17);
    expect(words(ctx)).toEqual([1, 17, 4 + place, value, 640]);
    expect([...h.readI32(out, 8)]).toEqual([0, 1, 1, 6, ...kept]);
  });

  test.each([5, -1, 2 ** 31 - 1])('column %i', (value) => {
    const [ctx, out] = [context(), h.alloc(6)];
    h.call('adjacencyColumns', out, h.i32([4, 99, 0, value, 2, 99]), h.i32([0, 1, 0, 2]), 2, 1, 3, 5, ctx, 18);
    expect(words(ctx)).toEqual([1, 18, 3, value, 640]);
    expect([...h.readI32(out, 6)]).toEqual([4, 0, 0, 0, 2, 0]);
  });

  test('kernels behind skip it', () => {
    const args = (h: KernelHarness, out: number) => [
      out,
      h.f32([1, 2, 3]),
      0,
      h.i32([-5, 2, 99]),
      h.i32([7, 1, -3]),
      ...[1, 2, 3, 3, 1, 1, 0],
    ];
    expect([...run('sparseProduct', 2, args)]).toEqual([2, 0]);
  });
});
