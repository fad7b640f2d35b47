import { DataError } from '../errors.ts';
import { type ArrayField, arrays } from './arrays.ts';
import type { DataSource } from './source.ts';

/** One graph as users have it. */
export interface Graph {
  readonly nodes: number;
  /** `[from, to]`, numbered from 0: `to` hears `from`, and the other way round unless `directed`. */
  readonly edges: readonly (readonly [number, number])[];
  /** Weight of each edge; give it for all graphs or none. */
  readonly weights?: readonly number[];
  /** `[nodes, features]`, row after row. */
  readonly features: ArrayLike<number>;
  /** One number for the graph, or one for each node. */
  readonly label: number | ArrayLike<number>;
}

/** Room for one graph: smaller ones are padded. */
export interface GraphRoom {
  readonly nodes: number;
  readonly edges: number;
}

/** A graph as a sample: compressed rows, padded. Row i of the adjacency is what node i hears. */
export interface GraphSample {
  readonly [field: string]: Float32Array | Int32Array;
  /** `[room.nodes, features]` */
  readonly x: Float32Array;
  /** `[room.nodes + 1]`: padding nodes hear nobody. */
  readonly rowPointers: Int32Array;
  /** `[room.edges]` */
  readonly columns: Int32Array;
  /** Nodes that are there. */
  readonly nodes: Int32Array;
  /** One for the graph; or `[room.nodes]`, -100 at padding nodes, which losses ignore with `ignoreIndex: -100`. */
  readonly label: Int32Array;
}

const noLabel = -100;

/** What `to` hears, as pairs of (to, from), each edge in both directions where the graph has none. */
function heard({ edges, weights }: Graph, directed: boolean): { to: number; from: number; weight: number }[] {
  const list = edges.flatMap(([from, to], i) => {
    const weight = weights?.[i] ?? 1;
    return directed || from === to
      ? [{ to, from, weight }]
      : [
          { to, from, weight },
          { to: from, from: to, weight },
        ];
  });
  return list.sort((a, b) => a.to - b.to || a.from - b.from);
}

function check(graph: Graph, where: string, features: number): void {
  const { nodes, edges, weights, label } = graph;
  edges.forEach(([from, to], i) => {
    const bad = [from, to].find((at) => !Number.isInteger(at) || at < 0 || at >= nodes);
    if (bad !== undefined)
      throw new DataError(`${where}: edge ${i} is [${from}, ${to}], but its ${nodes} nodes are numbered from 0.`);
  });
  if (graph.features.length !== nodes * features)
    throw new DataError(`${where}: ${graph.features.length} features do not fill [${nodes} nodes, ${features}].`);
  if (weights && weights.length !== edges.length)
    throw new DataError(`${where}: ${weights.length} weights for ${edges.length} edges.`);
  if (typeof label !== 'number' && label.length !== nodes)
    throw new DataError(`${where}: ${label.length} labels for ${nodes} nodes.`);
}

/** Writes a graph into room for it. `features` per node; `where` begins an error's sentence. */
export function packGraph(graph: Graph, room: GraphRoom, features: number, where: string, directed = false) {
  check(graph, where, features);
  const list = heard(graph, directed);
  if (graph.nodes > room.nodes || list.length > room.edges) {
    throw new DataError(
      `${where}: ${graph.nodes} nodes and ${list.length} directed edges do not fit into ${room.nodes} and ${room.edges}.`,
    );
  }
  const rowPointers = new Int32Array(room.nodes + 1);
  for (const { to } of list) rowPointers[to + 1] = (rowPointers[to + 1] as number) + 1;
  for (let i = 0; i < room.nodes; i++) rowPointers[i + 1] = (rowPointers[i + 1] as number) + (rowPointers[i] as number);
  const columns = new Int32Array(room.edges);
  columns.set(list.map(({ from }) => from));
  const x = new Float32Array(room.nodes * features);
  x.set(graph.features);
  const { label } = graph;
  const perNode = () => {
    const labels = new Int32Array(room.nodes).fill(noLabel);
    labels.set(label as ArrayLike<number>);
    return labels;
  };
  const sample: GraphSample = {
    x,
    rowPointers,
    columns,
    nodes: Int32Array.of(graph.nodes),
    label: typeof label === 'number' ? Int32Array.of(label) : perNode(),
  };
  if (!graph.weights) return sample;
  const values = new Float32Array(room.edges);
  values.set(list.map(({ weight }) => weight));
  return { ...sample, values };
}

export interface GraphsOptions {
  /** Edges lead one way only; default false. */
  readonly directed?: boolean;
  /** Default: the most that any graph has. Give the same for train and test. */
  readonly maxNodes?: number;
  /** Directed edges, so twice the others; default as above. */
  readonly maxEdges?: number;
}

/**
 * A source of graphs of various sizes, one a sample, padded to the same room: `{ x: f32 [maxNodes, features], rowPointers: i32 [maxNodes + 1],
 * columns: i32 [maxEdges], nodes: i32 [], label }`, and `values: f32 [maxEdges]` where edges have weights.
 *
 * @throws DataError at an edge to a node that is not there, features or labels that do not fit the nodes, a graph beyond the room
 */
export function graphs(list: readonly Graph[], options: GraphsOptions = {}): DataSource<GraphSample> {
  const [first] = list;
  if (!first) throw new DataError('data.graphs: give at least one graph.');
  const directed = options.directed ?? false;
  const room = {
    nodes: options.maxNodes ?? Math.max(...list.map(({ nodes }) => nodes)),
    // A field has at least one place.
    edges: options.maxEdges ?? Math.max(1, ...list.map((graph) => heard(graph, directed).length)),
  };
  const features = first.features.length / Math.max(first.nodes, 1);
  const packed = list.map((graph, i) => packGraph(graph, room, features, `data.graphs: graph ${i}`, directed));
  const names = Object.keys(packed[0] as GraphSample);
  return arrays(
    Object.fromEntries(
      names.map((name) => {
        const shape = { x: [room.nodes, features], nodes: [] }[name] ?? shapeOf(first, name, room);
        return [name, joined(packed, name, shape)];
      }),
    ),
  ) as unknown as DataSource<GraphSample>;
}

function shapeOf({ label }: Graph, name: string, room: GraphRoom): number[] {
  if (name === 'label') return typeof label === 'number' ? [] : [room.nodes];
  return [name === 'rowPointers' ? room.nodes + 1 : room.edges];
}

function joined(samples: readonly GraphSample[], name: string, shape: readonly number[]): ArrayField {
  const size = shape.reduce((n, d) => n * d, 1);
  const Type = samples[0]?.[name] instanceof Float32Array ? Float32Array : Int32Array;
  const data = new Type(samples.length * size);
  samples.forEach((sample, i) => {
    const values = sample[name];
    if (values?.length !== size)
      throw new DataError(`data.graphs: graph ${i} has another "${name}" than the first one.`);
    data.set(values, i * size);
  });
  return { data, shape: [samples.length, ...shape] };
}
