import { isSymbolic, type Shape } from '../graph/dim.ts';
import { findOp, type OpDefinition, type Operand } from '../graph/op.ts';
import type { Program } from './program.ts';

/**
 * How a node takes part when several shards go through the kernels as one batch:
 * - `static`: does not depend on the batch; computed once per run.
 * - `rows`: treats the rows of the leading dimension, or at least the shards, independently; computed for all shards at once.
 * - `segmented`: sums over the batch in a kernel that keeps shards apart and joins them by the tree; its value is a result.
 * - `late`: everything else. Computed shard by shard at the end, results joined by the tree.
 * Any Program can be merged in this way; how much it gains depends on how much of it is `rows`.
 */
export type Role = 'static' | 'rows' | 'segmented' | 'late';

export function rolesOf(program: Program, operands: readonly Operand[]): Role[] {
  const roles: Role[] = [];
  const consumers = countConsumers(program);
  const results = new Set([...Object.values(program.gradients), ...program.statistics.map(({ node }) => node)]);
  program.nodes.forEach((node, i) => {
    const op = findOp(node.op) as OpDefinition;
    const inputs = node.inputs.map((input) => operands[input] as Operand);
    const inputRoles = node.inputs.map((input) => roles[input] as Role);
    const { shape } = operands[i] as Operand;
    if (!shape.some(isSymbolic) && inputRoles.every((role) => role === 'static')) {
      roles.push('static');
      return;
    }
    const early = inputRoles.every((role) => role === 'static' || role === 'rows');
    const leading = early && rowsFirst(shape) && inputs.every((x) => rowsFirst(x.shape) || !x.shape.some(isSymbolic));
    const summed = early && !shape.some(isSymbolic) && results.has(i) && consumers[i] === 0;
    const independent = !op.mixesRows?.(inputs, node.attributes) || op.withinShards?.(inputs, node.attributes);
    if (leading && independent) roles.push('rows');
    else if (summed && op.segmented?.(inputs, node.attributes)) roles.push('segmented');
    else roles.push('late');
  });
  return roles;
}

const rowsFirst = (shape: Shape): boolean =>
  shape.length > 0 && isSymbolic(shape[0] as Shape[0]) && !shape.slice(1).some(isSymbolic);

function countConsumers(program: Program): number[] {
  const counts = Array<number>(program.nodes.length).fill(0);
  for (const node of program.nodes) for (const input of node.inputs) counts[input] = (counts[input] as number) + 1;
  return counts;
}
