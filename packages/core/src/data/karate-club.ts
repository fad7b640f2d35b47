import { UsageError } from '../errors.ts';
import { arrays } from './arrays.ts';
import { graphs } from './graphs.ts';
import type { DataSource } from './source.ts';

/** For each node, its friends of a higher number. */
const friends: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 17, 19, 21, 31],
  1: [2, 3, 7, 13, 17, 19, 21, 30],
  2: [3, 7, 8, 9, 13, 27, 28, 32],
  3: [7, 12, 13],
  4: [6, 10],
  5: [6, 10, 16],
  6: [16],
  8: [30, 32, 33],
  9: [33],
  13: [33],
  14: [32, 33],
  15: [32, 33],
  18: [32, 33],
  19: [33],
  20: [32, 33],
  22: [32, 33],
  23: [25, 27, 29, 32, 33],
  24: [25, 27, 31],
  25: [31],
  26: [29, 33],
  27: [33],
  28: [31, 33],
  29: [32, 33],
  30: [32, 33],
  31: [32, 33],
  32: [33],
};

const communities = [
  1, 1, 1, 1, 3, 3, 3, 1, 0, 1, 3, 1, 1, 1, 0, 0, 3, 1, 0, 1, 0, 1, 0, 0, 2, 2, 0, 0, 2, 0, 0, 2, 0, 0,
];

const firstMembers = [...new Set(communities)].map((own) => communities.indexOf(own));

export interface KarateClubOptions {
  /** Members whose label is known, from 0; default: the first of each community, 0, 4, 8 and 24, as in PyTorch Geometric. */
  readonly labelled?: readonly number[];
}

/**
 * The karate club of Zachary (1977): 34 members, 78 friendships, four communities found by modularity (Kipf and Welling 2017). One sample, the whole graph: `{ x: f32 [34, 34] (which member), rowPointers: i32 [35], columns: i32 [156], nodes,
 * label: i32 [34], known: i32 [34] (the label where it is known, else -100) }`.
 */
export function karateClub({
  labelled = firstMembers,
}: KarateClubOptions = {}): DataSource<
  Readonly<Record<'x' | 'rowPointers' | 'columns' | 'nodes' | 'label' | 'known', Float32Array | Int32Array>>
> {
  const size = communities.length;
  const stranger = labelled.find((member) => communities[member] === undefined);
  if (stranger !== undefined || labelled.length === 0)
    throw new UsageError(`data.karateClub: labelled must be members from 0 to ${size - 1}, not ${stranger ?? 'none'}.`);
  const features = Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));
  const edges = Object.entries(friends).flatMap(([a, list]) => list.map((b) => [Number(a), b] as const));
  const { x, rowPointers, columns, nodes, label } = graphs([
    { nodes: size, edges, features, label: communities },
  ]).sample(0) as Record<string, Float32Array | Int32Array>;
  const known = Int32Array.from(communities, (own, i) => (labelled.includes(i) ? own : -100));
  const one = (data: Float32Array | Int32Array | undefined, shape = [data?.length as number]) => ({
    data: data as Float32Array | Int32Array,
    shape: [1, ...shape],
  });
  return arrays({
    x: one(x, [size, size]),
    rowPointers: one(rowPointers),
    columns: one(columns),
    nodes: one(nodes, []),
    label: one(label),
    known: one(known),
  }) as ReturnType<typeof karateClub>;
}
