import { describe, expect, test } from 'vitest';
import type { Tensor } from '../graph/tensor.ts';
import { evaluateTensors } from '../program/evaluate-tensors.ts';
import { expectGradient, sampleTensor } from '../testing/check-gradient.ts';
import * as ops from './index.ts';

// Graphs of 5 nodes with room for 9 edges, each a list of what a node hears: node 3 of the first is isolated and node 1 has a self loop and a
// double edge; the second has no edge at all; the third has self loops only; the last fills its room.
const graphs: number[][][] = [
  [[1, 2], [1, 0, 4, 4], [0], [], [2]],
  [[], [], [], [], []],
  [[0], [], [2], [3], []],
  [[1, 2, 3, 4], [0], [0], [0, 4], [3]],
];
const [nodes, room] = [5, 9];

function fieldsOf(lists: readonly number[][][]) {
  const rowPointers = lists.map((graph) => [0, ...graph.map((_, i) => graph.slice(0, i + 1).flat().length)]);
  const columns = lists.map((graph) => [...graph.flat(), ...Array(room).fill(99)].slice(0, room));
  const i32 = (values: number[][]) =>
    ops.tensor(values.flat(), { shape: [lists.length, values[0]?.length as number], dtype: 'i32' });
  return { rowPointers: i32(rowPointers), columns: i32(columns) };
}
const batch = ops.adjacency(fieldsOf(graphs));
const first = fieldsOf(graphs.slice(0, 1));
const one = ops.adjacency({ rowPointers: first.rowPointers.reshape([6]), columns: first.columns.reshape([room]) });
const count = graphs.length;

const read = (x: Tensor): number[] => [...(evaluateTensors([x])[0] as ArrayLike<number> & Iterable<number>)];

/** What the ops should give, edge by edge in float64: `reduce` sees the rows of a node's messages. */
function byHand(
  x: readonly number[],
  width: number,
  message: (row: number[], place: { graph: number; edge: number }) => number[],
  reduce: (messages: number[][]) => number[],
): number[] {
  return graphs.flatMap((lists, graph) => {
    let edge = 0;
    return lists.flatMap((sources) =>
      reduce(
        sources.map((at) => {
          const from = (graph * nodes + at) * width;
          return message(x.slice(from, from + width), { graph, edge: edge++ });
        }),
      ),
    );
  });
}
const sumOf = (width: number) => (rows: number[][]) =>
  rows.reduce((sum, row) => sum.map((s, j) => s + (row[j] as number)), Array<number>(width).fill(0));

describe.each([1, 3, 4, 7, 17, 33])('%i features', (width) => {
  const x = sampleTensor([count, nodes, width], 1);
  const w = sampleTensor([count, room], 2);
  const [xs, ws] = [read(x), read(w)];
  const expectClose = (got: Tensor, wanted: number[]) => {
    const values = read(got);
    expect(values.length).toBe(wanted.length);
    values.forEach((value, i) => {
      expect(value, `element ${i}`).toBeCloseTo(wanted[i] as number, 5);
    });
  };

  test('products and reductions are what they are by hand', () => {
    const weighted = byHand(
      xs,
      width,
      (row, { graph, edge }) => row.map((v) => v * (ws[graph * room + edge] as number)),
      sumOf(width),
    );
    expectClose(ops.sparseMatmul(batch, x, w), weighted);
    expectClose(
      ops.neighbourSum(batch, x),
      byHand(xs, width, (row) => row, sumOf(width)),
    );
    const mean = (rows: number[][]) => sumOf(width)(rows).map((s) => s / Math.max(rows.length, 1));
    expectClose(
      ops.neighbourMean(batch, x),
      byHand(xs, width, (row) => row, mean),
    );
    const max = (rows: number[][]) =>
      Array.from({ length: width }, (_, j) => (rows.length ? Math.max(...rows.map((row) => row[j] as number)) : 0));
    expectClose(
      ops.neighbourMax(batch, x),
      byHand(xs, width, (row) => row, max),
    );
  });

  test.each<[string, (x: Tensor, w: Tensor) => Tensor]>([
    ['sparseMatmul', (x, w) => ops.sparseMatmul(batch, x, w)],
    ['neighbourMean', (x) => ops.neighbourMean(batch, x)],
    ['neighbourMax', (x) => ops.neighbourMax(batch, x)],
    ['edgeSources', (x) => ops.edgeSources(batch, x)],
    ['edgeTargets', (x) => ops.edgeTargets(batch, x)],
    ['one graph for a batch', (x, w) => ops.sparseMatmul(one, x, w)],
    ['one row of weights for a batch', (x, w) => ops.sparseMatmul(one, x, w.slice(0, 0, 1).reshape([room]))],
    ['nodes shared by a batch of graphs', (x) => ops.sparseMatmul(batch, x.slice(0, 0, 1).reshape([nodes, width]))],
    ['no batch', (x, w) => ops.sparseMatmul(one, x.sum(0), w.sum(0))],
  ])('the derivative of %s', (name, f) => {
    // far apart, so that no step makes another neighbour the largest
    const span = name === 'neighbourMax' ? { low: -40, high: 40 } : {};
    if (width > 7) return expectGradient((x) => f(x, w), [[count, nodes, width]], { tolerance: 8e-3, ...span });
    expectGradient(
      f,
      [
        [count, nodes, width],
        [count, room],
      ],
      { tolerance: 8e-3, ...span },
    );
  });
});

describe.each([
  [1, 1],
  [3, 1],
  [2, 5],
  [5, 4],
])('%i heads of %i features', (heads, width) => {
  const shapes = [
    [count, nodes, heads * width],
    [count, room, heads],
  ];

  test('each head weighs its own part', () => {
    const [x, w] = shapes.map((shape, i) => sampleTensor(shape, i)) as [Tensor, Tensor];
    const parts = Array.from({ length: heads }, (_, h) =>
      ops.sparseMatmul(batch, x.slice(2, h * width, (h + 1) * width), w.slice(2, h, h + 1).reshape([count, room])),
    );
    expect(read(ops.sparseMatmul(batch, x, w))).toEqual(read(ops.concat(parts, 2)));
  });

  test('its derivative', () => {
    expectGradient((x, w) => ops.sparseMatmul(batch, x, w), shapes, { tolerance: 8e-3 });
  });

  test('edge softmax sums to one at every node that hears any, and its derivative', () => {
    const scores = sampleTensor([count, room, heads], 3);
    const sums = read(ops.segmentSum(ops.edgeSoftmax(batch, scores), batch.rowPointers));
    const wanted = graphs.flatMap((lists) => lists.flatMap(({ length }) => Array(heads).fill(length > 0 ? 1 : 0)));
    sums.forEach((sum, i) => {
      expect(sum).toBeCloseTo(wanted[i] as number, 6);
    });
    expectGradient((scores) => ops.edgeSoftmax(batch, scores), [[count, room, heads]], { tolerance: 8e-3 });
  });
});

describe('segments', () => {
  const pointers = ops.tensor([0, 2, 2, 7], { dtype: 'i32' });
  test.each<[string, (x: Tensor) => Tensor]>([
    ['segmentSum', (x) => ops.segmentSum(x, pointers)],
    ['segmentMean', (x) => ops.segmentMean(x, pointers)],
    ['segmentMax', (x) => ops.segmentMax(x, pointers)],
    ['segmentSoftmax', (x) => ops.segmentSoftmax(x, pointers)],
    ['segmentSpread', (x) => ops.segmentSpread(x.slice(0, 0, 3), pointers, 7)],
  ])('the derivative of %s', (_, f) => expectGradient(f, [[8, 3]], { tolerance: 8e-3 }));

  test('a gradient of the largest is shared among equal ones', () => {
    const x = ops.tensor([[1], [4], [4], [2]]);
    const y = ops.segmentMax(x, ops.tensor([0, 3, 4], { dtype: 'i32' }));
    expect(read(y)).toEqual([4, 2]);
    expect(read(ops.grad(y.sum(), [x])[0] as Tensor)).toEqual([0, 0.5, 0.5, 1]);
  });
});

describe('self loops', () => {
  test('every node gets exactly one, the last of its row', () => {
    const { rowPointers, columns, edges } = ops.withSelfLoops(batch);
    expect(edges).toBe(room + nodes);
    const [pointers, listed] = [read(rowPointers), read(columns)];
    graphs.forEach((lists, graph) => {
      lists.forEach((sources, i) => {
        const [from, to] = pointers.slice(graph * (nodes + 1) + i) as [number, number];
        expect(listed.slice(graph * edges + from, graph * edges + to)).toEqual([
          ...sources.filter((at) => at !== i),
          i,
        ]);
      });
    });
  });

  test('missing ones are found', () => {
    const wanted = graphs.flatMap((lists) => lists.map((sources, i) => (sources.includes(i) ? 0 : 1)));
    expect(read(ops.missingLoops(batch))).toEqual(wanted);
  });
});

describe('a wrong adjacency is an error', () => {
  const rowPointers = ops.tensor([0, 1, 3], { dtype: 'i32' });
  const columns = ops.tensor([1, 0, 1], { dtype: 'i32' });
  const x = ops.ones([2, 4]);
  const run = (fields: Partial<ops.AdjacencyFields>) =>
    read(ops.sparseMatmul(ops.adjacency({ rowPointers, columns, ...fields }), x));
  const i32 = (values: number[]) => ops.tensor(values, { dtype: 'i32' });

  test('the right one is none', () => expect(run({})).toEqual([1, 1, 1, 1, 2, 2, 2, 2]));

  test.each<[string, Partial<ops.AdjacencyFields>, RegExp]>([
    ['a column too large', { columns: i32([1, 2, 1]) }, /adjacencyColumns: index 2 at row 1 is out of range/],
    ['a negative column', { columns: i32([1, 0, -1]) }, /adjacencyColumns: index -1 at row 2/],
    ['row pointers that fall', { rowPointers: i32([0, 2, 1]) }, /adjacencyPointers: index 1 at row 2/],
    ['row pointers beyond the edges', { rowPointers: i32([0, 1, 4]) }, /adjacencyPointers: index 4 at row 2/],
    ['row pointers that start late', { rowPointers: i32([1, 2, 3]) }, /adjacencyPointers: index 1 at row 0/],
    [
      'values of another size',
      { values: ops.ones([2]) },
      /adjacency: values \[2\] must have the shape of columns, \[3\]/,
    ],
    ['other nodes than x has', { sources: 3 }, /sparseMatmul: x \[2, 4\] must be \[\.\.\., 3, features\]/],
    ['a column between two nodes', { columns: ops.tensor([1, 0.7, 1]) }, /column 0\.\d+ is not a whole number/],
    ['a row pointer that is NaN', { rowPointers: ops.tensor([0, Number.NaN, 3]) }, /row pointer NaN is not a number/],
    ['columns without a size', { columns: ops.tensor(1, { dtype: 'i32' }) }, /must end in fixed sizes/],
    ['batches that differ', { columns: i32([1, 0, 1]).reshape([1, 3]) }, /same leading dimensions/],
  ])('%s', (_, fields, says) => expect(() => run(fields)).toThrow(says));
});
