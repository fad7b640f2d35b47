import { fuseNormAndRelu, fuseSumAndRelu } from './fuse-batch-norm.ts';
import { fuseConvAndRelu } from './fuse-conv.ts';
import { at, type Nodes, readersOf } from './node-readers.ts';
import type { ProgramNode } from './program.ts';

interface Fused {
  readonly nodes: readonly ProgramNode[];
  /** Where each node has gone; undefined where nobody needs it any more. */
  readonly place: readonly (number | undefined)[];
}

/**
 * Joins a ReLU with what comes before it: fewer passes over memory, and the same bits. An op is only joined with another if nobody else reads
 * what lies between.
 *
 * - relu(batchNorm) is one op, whose derivative finds out by itself what the ReLU lets through, from what the normalisation read;
 * - relu(batchNorm + z), the end of a residual block, and relu(convolution) are one op; the ReLU lets through where the output is above 0, so
 *   what it was given need not be kept.
 */
export function fuse(given: readonly ProgramNode[], roots: readonly number[]): Fused {
  const nodes: Nodes = [...given];
  const readers = readersOf(nodes, roots);
  given.forEach(({ op, inputs: [source] }, relu) => {
    if (op !== 'relu' || source === undefined) return;
    const rule = { batchNorm: fuseNormAndRelu, add: fuseSumAndRelu, conv1d: fuseConvAndRelu, conv2d: fuseConvAndRelu }[
      at(nodes, source).op
    ];
    rule?.(nodes, readers, source, relu);
  });
  return withoutUnread(nodes, roots);
}

/** What the roots depend on, in the same order. */
function withoutUnread(nodes: Nodes, roots: readonly number[]): Fused {
  const read = new Set(roots);
  for (let i = nodes.length - 1; i >= 0; i--) if (read.has(i)) for (const input of at(nodes, i).inputs) read.add(input);
  const place: (number | undefined)[] = [];
  let next = 0;
  nodes.forEach((_, i) => {
    place.push(read.has(i) ? next++ : undefined);
  });
  const kept = nodes.filter((_, i) => read.has(i));
  return {
    nodes: kept.map((node) => ({ ...node, inputs: node.inputs.map((input) => place[input] as number) })),
    place,
  };
}
