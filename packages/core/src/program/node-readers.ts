import type { ProgramNode } from './program.ts';

/** The nodes of a Program while it is rewritten. */
export type Nodes = ProgramNode[];

export const at = (nodes: Nodes, i: number): ProgramNode => nodes[i] as ProgramNode;

/** The nodes that read each node; a reader that is no node (a result of the Program) is NaN. */
export function readersOf(nodes: Nodes, roots: readonly number[]): number[][] {
  const readers = nodes.map((): number[] => []);
  nodes.forEach(({ inputs }, i) => {
    for (const input of new Set(inputs)) readers[input]?.push(i);
  });
  for (const root of roots) readers[root]?.push(Number.NaN);
  return readers;
}

/** The derivatives of `relu` that read `source`, which it is applied to; undefined where others read it as well. */
export function masksOf(
  nodes: Nodes,
  readers: readonly number[][],
  source: number,
  relu: number,
): number[] | undefined {
  const masks = (readers[source] as number[]).filter((i) => i !== relu);
  const isMask = (i: number): boolean => {
    const [of, gradient] = nodes[i]?.op === 'reluGrad' ? nodes[i].inputs : [];
    return of === source && gradient !== source && i > relu;
  };
  return masks.every(isMask) ? masks : undefined;
}

/** Makes the derivatives of a ReLU look at its output: it is above 0 where the input is. */
export function maskByOutput(nodes: Nodes, masks: readonly number[], relu: number): void {
  for (const i of masks) nodes[i] = { ...at(nodes, i), inputs: [relu, at(nodes, i).inputs[1] as number] };
}
