import { describe, expect, test } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import * as ops from '../ops/index.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import { expectGradient, sampleTensor } from '../testing/check-gradient.ts';
import { withFixedParameters } from '../testing/fixed-parameters.ts';
import * as nn from './index.ts';

// Layers on a sparse adjacency against their formulas on a dense one: 4 nodes, node 2 isolated, node 1 with a self loop.

const dense = [
  [0, 1, 0, 0.5],
  [1, 2, 0, 0],
  [0, 0, 0, 0],
  [3, 1, 0, 0],
];
const nodes = dense.length;
const edges = dense.flatMap((row, i) => row.flatMap((value, j) => (value ? [{ i, j, value }] : [])));
const structure = {
  rowPointers: ops.tensor([0, ...dense.map((_, i) => edges.filter((e) => e.i <= i).length)], { dtype: 'i32' }),
  columns: ops.tensor(
    edges.map(({ j }) => j),
    { dtype: 'i32' },
  ),
};
const plain = ops.adjacency(structure);
const weighted = ops.adjacency({ ...structure, values: ops.tensor(edges.map(({ value }) => value)) });
const ones = dense.map((row) => row.map((value) => (value ? 1 : 0)));

/** Same values and same gradient by x, alone and as a batch of one graph. */
function expectSame(sparse: (x: Tensor) => Tensor, wanted: (x: Tensor) => Tensor, features: number): void {
  const x = sampleTensor([2, nodes, features], 7);
  const [got, expected] = [sparse(x), wanted(x)].map((y) => {
    const weights = sampleTensor(y.shape as number[], 8);
    return evaluateTensors([y, ops.grad(y.mul(weights).sum(), [x])[0] as Tensor]);
  }) as [Float32Array[], Float32Array[]];
  for (const part of [0, 1]) {
    expect(got[part]?.length).toBe(expected[part]?.length);
    got[part]?.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[part]?.[i] as number, 4);
    });
  }
}

describe('GCNConv', () => {
  const normalised = (a: number[][]) => {
    const degree = a.map((row) => row.reduce((s, v) => s + v, 0));
    const scale = degree.map((d) => (d > 0 ? 1 / Math.sqrt(d) : 0));
    return ops.tensor(a.map((row, i) => row.map((v, j) => v * (scale[i] as number) * (scale[j] as number))));
  };
  const withLoops = (a: number[][]) => a.map((row, i) => row.map((v, j) => (i === j && v === 0 ? 1 : v)));

  test.each<[string, ops.Adjacency, number[][], object]>([
    ['self loops where there are none', plain, withLoops(ones), {}],
    ['weights of edges', weighted, withLoops(dense), {}],
    ['no self loops, and an isolated node', plain, ones, { addSelfLoops: false }],
  ])('%s', (_, adjacency, matrix, options) => {
    const layer = withFixedParameters(new nn.GCNConv(3, 5, options));
    const formula = (x: Tensor) =>
      normalised(matrix)
        .matmul(layer.lin.forward(x))
        .add(layer.bias as Tensor);
    expectSame((x) => layer.forward(x, adjacency), formula, 3);
  });

  test('the adjacency as it is', () => {
    const layer = withFixedParameters(new nn.GCNConv(3, 5, { normalize: false, bias: false }));
    expectSame(
      (x) => layer.forward(x, weighted),
      (x) => ops.tensor(dense).matmul(layer.lin.forward(x)),
      3,
    );
  });

  test('weights of edges have a gradient through the normalisation', () => {
    const layer = withFixedParameters(new nn.GCNConv(3, 2));
    const x = sampleTensor([nodes, 3], 1);
    expectGradient((values) => layer.forward(x, ops.adjacency({ ...structure, values })), [[edges.length]], {
      low: 0.3,
      high: 2,
    });
  });
});

test.each([
  [1, true],
  [3, true],
  [3, false],
])('GATConv with %i heads, side by side: %s', (heads, concat) => {
  const layer = withFixedParameters(new nn.GATConv(3, 5, { heads, concat }));
  const blocked = ops.tensor(ones.map((row, i) => row.map((v, j) => (v || i === j ? 0 : -1e30))));
  const formula = (x: Tensor) => {
    const parts = layer.lin.forward(x).reshape([2, nodes, heads, 5]).permute([0, 2, 1, 3]);
    const score = (a: Tensor) => parts.mul(a.reshape([heads, 1, 5])).sum(-1, true);
    const scores = score(layer.attDst).add(score(layer.attSrc).transpose());
    const heard = ops.leakyRelu(scores, 0.2).add(blocked).softmax().matmul(parts).permute([0, 2, 1, 3]);
    return (concat ? heard.reshape([2, nodes, heads * 5]) : heard.mean(2)).add(layer.bias as Tensor);
  };
  expectSame((x) => layer.forward(x, plain), formula, 3);
});

describe('SAGEConv', () => {
  const degrees = ones.map((row) => Math.max(row.filter((v) => v === 1).length, 1));
  const mean = ops.tensor(ones.map((row, i) => row.map((v) => v / (degrees[i] as number))));

  test.each<['add' | 'mean', Tensor]>([
    ['add', ops.tensor(ones)],
    ['mean', mean],
  ])('%s', (aggr, matrix) => {
    const layer = withFixedParameters(new nn.SAGEConv(3, 5, { aggr }));
    const formula = (x: Tensor) => layer.linL.forward(matrix.matmul(x)).add((layer.linR as nn.Linear).forward(x));
    expectSame((x) => layer.forward(x, weighted), formula, 3);
  });

  test('normalised to length 1', async () => {
    const layer = withFixedParameters(new nn.SAGEConv(3, 5, { aggr: 'max', normalize: true }));
    const lengths = await layer
      .forward(sampleTensor([nodes, 3], 1), plain)
      .square()
      .sum(-1)
      .data();
    for (const length of lengths) expect(length).toBeCloseTo(1, 5);
  });
});

test('LGConv and APPNP', () => {
  const degree = ones.map((row) => row.filter((v) => v === 1).length);
  const scaled = (loops: boolean) => {
    const own = degree.map((d, i) => d + (loops && ones[i]?.[i] === 0 ? 1 : 0));
    const weight = (i: number, j: number) => (i === j && loops ? 1 : (ones[i]?.[j] as number));
    const scale = (i: number) => (own[i] ? 1 / Math.sqrt(own[i] as number) : 0);
    return ops.tensor(ones.map((row, i) => row.map((_, j) => weight(i, j) * scale(i) * scale(j))));
  };
  expectSame(
    (x) => new nn.LGConv().forward(x, plain),
    (x) => scaled(false).matmul(x),
    3,
  );
  for (const addSelfLoops of [true, false]) {
    const step = (y: Tensor, x: Tensor) => scaled(addSelfLoops).matmul(y).mul(0.8).add(x.mul(0.2));
    expectSame(
      (x) => new nn.APPNP(3, 0.2, { addSelfLoops }).forward(x, plain),
      (x) => step(step(step(x, x), x), x),
      3,
    );
  }
});

test.each([false, true])('GINConv, eps trained: %s', (trainEps) => {
  const layer = withFixedParameters(new nn.GINConv(new nn.Linear(3, 5), { eps: 0.25, trainEps }));
  const own = (x: Tensor) => (layer.eps ? x.add(x.mul(layer.eps)) : x.mul(1.25));
  expectSame(
    (x) => layer.forward(x, plain),
    (x) => layer.net.forward(own(x).add(ops.tensor(ones).matmul(x))),
    3,
  );
});

test.each(['add', 'mean', 'max'] as const)("a layer of one's own that aggregates by %s", (aggr) => {
  class Own extends nn.MessagePassing {
    forward(x: Tensor): Tensor {
      return this.propagate(plain, x);
    }
  }
  const wanted = { add: ops.neighbourSum, mean: ops.neighbourMean, max: ops.neighbourMax }[aggr];
  expectSame(
    (x) => new Own({ aggr }).forward(x),
    (x) => wanted(plain, x),
    3,
  );
});

describe('pooling', () => {
  const counts = ops.tensor([3, 0, 4], { dtype: 'i32' });

  test.each<[string, (x: Tensor, nodes: Tensor) => Tensor, number[][]]>([
    [
      'add',
      nn.globalAddPool,
      [
        [9, 3],
        [0, 0],
        [10, 4],
      ],
    ],
    [
      'mean',
      nn.globalMeanPool,
      [
        [3, 1],
        [0, 0],
        [2.5, 1],
      ],
    ],
    [
      'max',
      nn.globalMaxPool,
      [
        [4, 1],
        [0, 0],
        [4, 1],
      ],
    ],
  ])('%s over the nodes that are there', async (_, pool, wanted) => {
    const column = [
      [4, 3, 2, 100],
      [7, 7, 7, 7],
      [1, 2, 3, 4],
    ];
    const x = ops.tensor(column.map((graph) => graph.map((value) => [value, 1])));
    expect([...(await pool(x, counts).data())]).toEqual(wanted.flat());
    expectGradient((x) => pool(x, counts), [[3, 4, 2]], { tolerance: 8e-3 });
  });

  test('a count beyond the nodes is an error', () => {
    const y = nn.globalMeanPool(ops.ones([2, 4, 3]), ops.tensor([2, 5], { dtype: 'i32' }));
    expect(() => evaluateTensors([y])).toThrow(/adjacencyPointers: index 5 at row 3 is out of range/);
    expect(() => nn.globalMeanPool(ops.ones([2, 4, 3]), counts)).toThrow(/x \[2, 4, 3\] needs one count of nodes/);
  });
});
