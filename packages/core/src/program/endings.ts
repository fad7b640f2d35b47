import type { Program, ProgramNode } from './program.ts';

/**
 * Products that end with what follows them: a tensor of their shape is added, or ReLU applied, while a tile is in the cache, and the product
 * itself is never written. Only where nobody else reads it; ReLU's derivative, which does, finds the same places above 0 in ReLU's output.
 * The arithmetic is the same, in the same order.
 *
 * @returns the Program with products in place of such nodes, and the nodes that are no longer computed by themselves
 */
export function withEndings(program: Program): { program: Program; absorbed: ReadonlySet<number> } {
  const nodes = [...program.nodes];
  const absorbed = new Set<number>();
  const readers = readersOf(program);
  program.nodes.forEach((node, at) => {
    const product = productOf(node, at, nodes, readers);
    if (product === undefined) return;
    const { inputs, attributes } = nodes[product] as ProgramNode;
    const addend = node.inputs.filter((input) => input !== product);
    const ending = node.op === 'relu' ? { relu: true } : { addend: true };
    nodes[at] = { ...node, op: 'matmul', inputs: [...inputs, ...addend], attributes: { ...attributes, ...ending } };
    for (const reader of readers[product] as number[]) {
      if (reader !== at)
        nodes[reader] = { ...(nodes[reader] as ProgramNode), inputs: [at, nodes[reader]?.inputs[1] as number] };
    }
    absorbed.add(product);
  });
  return absorbed.size === 0 ? { program, absorbed } : { program: { ...program, nodes }, absorbed };
}

/** The product that a node can be the end of; of two the later one. */
function productOf(
  { op, inputs, shape }: ProgramNode,
  at: number,
  nodes: readonly ProgramNode[],
  readers: readonly (readonly number[])[],
): number | undefined {
  if (op !== 'relu' && op !== 'add') return undefined;
  const same = (node: number) => JSON.stringify(nodes[node]?.shape) === JSON.stringify(shape);
  const free = inputs.filter((input) => {
    const { op: source, attributes } = nodes[input] as ProgramNode;
    if (source !== 'matmul' || attributes.transA === true || attributes.relu === true) return false;
    if (op === 'add' && (attributes.addend === true || inputs[0] === inputs[1])) return false;
    return (readers[input] as number[]).every((i) => i === at || (op === 'relu' && isMask(nodes[i], input) && i > at));
  });
  return free.length > 0 && inputs.every(same) ? Math.max(...free) : undefined;
}

/** ReLU's derivative at `x`. */
const isMask = (node: ProgramNode | undefined, x: number): boolean =>
  node?.op === 'reluGrad' && node.inputs[0] === x && node.inputs[1] !== x;

/** The nodes that read each node; a result is a reader NaN. */
function readersOf({ nodes, gradients, statistics, outputs }: Program): number[][] {
  const readers = nodes.map((): number[] => []);
  nodes.forEach(({ inputs }, i) => {
    for (const input of new Set(inputs)) readers[input]?.push(i);
  });
  const results = [...Object.values(gradients), ...statistics.map(({ node }) => node), ...Object.values(outputs)];
  for (const node of results) readers[node]?.push(Number.NaN);
  return readers;
}
