import { UsageError } from '../errors.ts';
import { type Generator, generator } from '../random/generator.ts';
import { type Graph, type GraphSample, graphs } from './graphs.ts';
import type { DataSource } from './source.ts';

export interface GraphShapesOptions {
  /** Graphs; default 1000. Classes take turns. */
  readonly length?: number;
  /** Default 8 and 24. */
  readonly minNodes?: number;
  readonly maxNodes?: number;
  readonly seed?: number;
}

type Edges = [number, number][];

/** Cycle of n nodes. */
const cycle = (n: number): Edges => Array.from({ length: n }, (_, i) => [i, (i + 1) % n]);

/** Every node but the first hangs on an earlier one. */
const tree = (n: number, random: Generator): Edges =>
  Array.from({ length: n - 1 }, (_, i) => [random.int(i + 1), i + 1]);

/** Rows of `width` nodes, the last one not always full. */
function grid(n: number, random: Generator): Edges {
  const width = 2 + random.int(3);
  return Array.from({ length: n }, (_, i): Edges => {
    const right: Edges = (i + 1) % width > 0 && i + 1 < n ? [[i, i + 1]] : [];
    return i + width < n ? [...right, [i, i + width]] : right;
  }).flat();
}

/** As many edges as a grid has, anywhere. */
function anywhere(n: number, random: Generator): Edges {
  const wanted = grid(n, random).length;
  const chosen = new Map<number, [number, number]>();
  while (chosen.size < wanted) {
    const [a, b] = [random.int(n), random.int(n)];
    if (a < b) chosen.set(a * n + b, [a, b]);
  }
  return [...chosen.values()];
}

/** Groups of four who all know each other, the first of each in a ring; the last group may be smaller. */
function cliques(n: number): Edges {
  const groups = Math.ceil(n / 4);
  const within = Array.from({ length: n }, (_, i): Edges => {
    const end = Math.min(n, (Math.floor(i / 4) + 1) * 4);
    return Array.from({ length: end - i - 1 }, (_, k) => [i, i + k + 1]);
  }).flat();
  const ring: Edges = groups > 2 ? cycle(groups).map(([a, b]) => [4 * a, 4 * b]) : [[0, 4]];
  return [...within, ...ring];
}

const shapes: readonly ((n: number, random: Generator) => Edges)[] = [cycle, tree, grid, anywhere, cliques];

/** Names of the classes, by label. */
export const graphShapeNames = ['cycle', 'tree', 'grid', 'random', 'ring of cliques'] as const;

/**
 * Graphs of five shapes (cycle, tree, grid, random, ring of cliques) and random sizes, their nodes in random order. A node has no feature but a 1, so
 * that the edges alone tell: fields as in `graphs`, x `[maxNodes, 1]`, label i32 `[]`.
 *
 * @throws UsageError if an option is out of range
 */
export function graphShapes(options: GraphShapesOptions = {}): DataSource<GraphSample> {
  const { length = 1000, minNodes = 8, maxNodes = 24, seed = 0 } = options;
  const fail = (what: string): never => {
    throw new UsageError(`data.graphShapes: ${what}.`);
  };
  if (!Number.isSafeInteger(length) || length < 1) fail(`length must be a whole number of at least 1, not ${length}`);
  if (!Number.isSafeInteger(minNodes) || minNodes < 6)
    fail(`minNodes must be a whole number of at least 6, not ${minNodes}`);
  if (!Number.isSafeInteger(maxNodes) || maxNodes < minNodes)
    fail(`maxNodes must be a whole number of at least minNodes, ${minNodes}, not ${maxNodes}`);
  const list = Array.from({ length }, (_, i): Graph => {
    const random = generator(seed, i);
    const nodes = minNodes + random.int(maxNodes - minNodes + 1);
    const label = i % shapes.length;
    const edges = (shapes[label] as (typeof shapes)[0])(nodes, random);
    const names = shuffled(nodes, random);
    const renamed = edges.map(([a, b]) => [names[a], names[b]] as [number, number]);
    return { nodes, edges: renamed, features: new Float32Array(nodes).fill(1), label };
  });
  // The densest shape, a grid, has less than two edges a node.
  return graphs(list, { maxNodes, maxEdges: 4 * maxNodes });
}

function shuffled(n: number, random: Generator): number[] {
  const names = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [names[i], names[j]] = [names[j] as number, names[i] as number];
  }
  return names;
}
