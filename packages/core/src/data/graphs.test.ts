import { describe, expect, test } from 'vitest';
import * as data from './index.ts';

const square: data.Graph = {
  nodes: 4,
  edges: [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 0],
  ],
  features: [0, 1, 2, 3, 4, 5, 6, 7],
  label: 1,
};
const lone: data.Graph = { nodes: 1, edges: [], features: [8, 9], label: 0 };
const arrays = (sample: unknown) =>
  Object.fromEntries(
    Object.entries(sample as Record<string, ArrayLike<number>>).map(([name, value]) => [name, Array.from(value)]),
  );

describe('graphs', () => {
  test('are compressed rows, padded to the largest', () => {
    const source = data.graphs([square, lone, { ...square, nodes: 4, edges: [[2, 2]] }]);
    expect(source.shapes).toEqual({ x: [4, 2], rowPointers: [5], columns: [8], nodes: [], label: [] });
    expect(arrays(source.sample(0))).toEqual({
      x: [0, 1, 2, 3, 4, 5, 6, 7],
      rowPointers: [0, 2, 4, 6, 8],
      columns: [1, 3, 0, 2, 1, 3, 0, 2],
      nodes: [4],
      label: [1],
    });
    expect(arrays(source.sample(1))).toEqual({
      x: [8, 9, 0, 0, 0, 0, 0, 0],
      rowPointers: [0, 0, 0, 0, 0],
      columns: [0, 0, 0, 0, 0, 0, 0, 0],
      nodes: [1],
      label: [0],
    });
    expect(arrays(source.sample(2)).rowPointers).toEqual([0, 0, 0, 1, 1]);
  });

  test('directed edges lead one way; weights follow their edges; labels of nodes are padded', () => {
    const source = data.graphs([{ ...square, weights: [0.1, 0.2, 0.3, 0.4].map(Math.fround), label: [3, 2, 1, 0] }], {
      directed: true,
      maxNodes: 5,
      maxEdges: 6,
    });
    const { rowPointers, columns, values, label } = arrays(source.sample(0));
    expect([rowPointers, columns]).toEqual([
      [0, 1, 2, 3, 4, 4],
      [3, 0, 1, 2, 0, 0],
    ]);
    expect(values).toEqual([0.4, 0.1, 0.2, 0.3, 0, 0].map(Math.fround));
    expect(label).toEqual([3, 2, 1, 0, -100]);
  });

  test.each<[string, () => unknown, RegExp]>([
    ['nothing', () => data.graphs([]), /give at least one graph/],
    [
      'an edge to nowhere',
      () => data.graphs([lone, { ...square, edges: [[0, 4]] }]),
      /data.graphs: graph 1: edge 0 is \[0, 4\], but its 4 nodes are numbered from 0/,
    ],
    [
      'features missing',
      () => data.graphs([lone, { ...lone, features: [1] }]),
      /graph 1: 1 features do not fill \[1 nodes, 2\]/,
    ],
    ['labels missing', () => data.graphs([{ ...square, label: [1, 2] }]), /graph 0: 2 labels for 4 nodes/],
    ['weights missing', () => data.graphs([{ ...square, weights: [1] }]), /graph 0: 1 weights for 4 edges/],
    [
      'weights of some only',
      () => data.graphs([{ ...square, weights: [1, 1, 1, 1] }, lone]),
      /graph 1 has another "values"/,
    ],
    [
      'too little room',
      () => data.graphs([square], { maxNodes: 3 }),
      /4 nodes and 8 directed edges do not fit into 3 and 8/,
    ],
  ])('%s is an error', (_, make, says) => expect(make).toThrow(says));
});

test('the karate club has 34 members and 78 friendships, four of which are labelled', () => {
  const { rowPointers, columns, known, label } = arrays(data.karateClub().sample(0));
  expect(rowPointers?.at(-1)).toBe(2 * 78);
  const degree = (member: number) => (rowPointers?.[member + 1] as number) - (rowPointers?.[member] as number);
  expect([degree(0), degree(33), degree(11)]).toEqual([16, 17, 1]);
  expect(columns?.slice(0, 3)).toEqual([1, 2, 3]);
  expect(known?.flatMap((value, member) => (value >= 0 ? [[member, value]] : []))).toEqual([
    [0, 1],
    [4, 3],
    [8, 0],
    [24, 2],
  ]);
  expect([0, 1, 2, 3].map((own) => label?.filter((value) => value === own).length)).toEqual([13, 12, 4, 5]);
  expect(() => data.karateClub({ labelled: [34] })).toThrow(/members from 0 to 33, not 34/);
});

test('graph shapes have the degrees of their shape', () => {
  const source = data.graphShapes({ length: 50, seed: 3, minNodes: 6, maxNodes: 15 });
  for (let i = 0; i < source.length; i++) {
    const { rowPointers, columns, nodes, label } = arrays(source.sample(i)) as Record<string, number[]>;
    const n = nodes?.[0] as number;
    const edges = (rowPointers?.[n] as number) / 2;
    const wanted = [n, n - 1][label?.[0] as number];
    if (wanted !== undefined) expect(edges, `${data.graphShapeNames[label?.[0] as number]} of ${n}`).toBe(wanted);
    else expect(edges).toBeGreaterThan(n - 1);
    expect(Math.max(...(columns as number[]))).toBeLessThan(n);
  }
  expect(source.digest).toBe(data.graphShapes({ length: 50, seed: 3, minNodes: 6, maxNodes: 15 }).digest);
  expect(() => data.graphShapes({ minNodes: 3 })).toThrow(/minNodes must be a whole number of at least 6, not 3/);
});

test('patch graphs hold the patches with ink, and their neighbours', () => {
  const image = new Float32Array(64);
  image[0] = image[9] = 1; // both in the first patch of 2
  image[18] = 0.5; // the patch diagonally below
  image[63] = 0.3; // too pale
  image[6] = 0.9; // the last patch of the first row
  const images = { length: 1, shapes: { image: [1, 8, 8] }, sample: () => ({ image, label: Int32Array.of(7) }) };
  const source = data.patchGraphs(images, { patch: 2 });
  const { x, rowPointers, nodes, columns, label } = arrays(source.sample(0));
  expect([nodes, label]).toEqual([[3], [7]]);
  expect(source.shapes?.x).toEqual([16, 6]);
  expect(x?.slice(0, 18)).toEqual([
    ...[1, 0, 0, 1, 0.125, 0.125],
    ...[Math.fround(0.9), 0, 0, 0, 0.125, 0.875],
    ...[0.5, 0, 0, 0, 0.375, 0.375],
  ]);
  expect(rowPointers?.slice(0, 5)).toEqual([0, 1, 1, 2, 2]);
  expect(columns?.slice(0, 2)).toEqual([2, 0]);
  expect(columns?.length).toBe(2 * (4 * 16 - 24 + 2));
  expect(() => data.patchGraphs(images, { patch: 3 })).toThrow(/images \[1, 8, 8\] cannot be cut into patches of 3/);
});

test('interactions: everybody takes perUser items, one of them held out', () => {
  const {
    train,
    test: heldOut,
    pairs,
    users,
    items,
  } = data.interactions({ users: 20, items: 15, perUser: 5, seed: 4 });
  expect([train.length, heldOut.length, pairs.length]).toEqual([80, 20, 80]);
  for (let user = 0; user < users; user++) {
    const { item, seen } = heldOut.sample(user) as data.Interaction;
    const own = pairs.filter(([u]) => u === user).map(([, i]) => i);
    expect(new Set([...own, item[0]]).size).toBe(5);
    expect([...seen]).toEqual(Array.from({ length: items }, (_, i) => (own.includes(i) ? 1 : 0)));
  }
  expect(() => data.interactions({ perUser: 1 })).toThrow(/perUser must be from 2 to the 150 items, not 1/);
});
