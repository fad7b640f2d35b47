import { topologicalOrder } from '../graph/grad.ts';
import type { Tensor } from '../graph/tensor.ts';
import { shapeData } from '../ops/shape-data.ts';
import { fuse } from './fuse.ts';
import { numericsVersion, type Program, type ProgramNode } from './program.ts';

export interface ProgramResults {
  readonly gradients?: Readonly<Record<string, Tensor>>;
  readonly statistics?: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly outputs?: Readonly<Record<string, Tensor>>;
}

/** Turns a graph into data. Nodes that do the same to the same inputs become one; random ones differ by their id. */
export function buildProgram(results: ProgramResults): Program {
  const gradients = Object.entries(results.gradients ?? {});
  const outputs = Object.entries(results.outputs ?? {});
  const statistics = results.statistics ?? [];
  const roots = [
    ...gradients.map(([, t]) => t),
    ...statistics.map(({ tensor }) => tensor),
    ...outputs.map(([, t]) => t),
  ];

  const nodes: ProgramNode[] = [];
  const indexOf = new Map<Tensor, number>();
  const known = new Map<string, number>();
  for (const tensor of topologicalOrder(roots)) {
    const node: ProgramNode = {
      op: tensor.op,
      inputs: tensor.inputs.map((input) => indexOf.get(input) as number),
      attributes: tensor.attributes,
      shape: shapeData(tensor.shape),
      dtype: tensor.dtype,
      path: tensor.path,
    };
    const identity = JSON.stringify([node.op, node.inputs, node.attributes, node.shape]);
    const index = known.get(identity) ?? nodes.push(node) - 1;
    known.set(identity, index);
    indexOf.set(tensor, index);
  }
  const fused = fuse(
    nodes,
    roots.map((tensor) => indexOf.get(tensor) as number),
  );
  const index = (tensor: Tensor) => fused.place[indexOf.get(tensor) as number] as number;
  return {
    numericsVersion,
    nodes: fused.nodes,
    gradients: Object.fromEntries(gradients.map(([name, tensor]) => [name, index(tensor)])),
    statistics: statistics.map(({ name, tensor }) => ({ name, node: index(tensor) })),
    outputs: Object.fromEntries(outputs.map(([name, tensor]) => [name, index(tensor)])),
  };
}
