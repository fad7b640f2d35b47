import { ShapeError } from '../errors.ts';
import type { Size } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type OpDefinition, type Operand } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import { type Adjacency, adjacencySizes } from './adjacency.ts';
import { count, operand } from './check.ts';

/** An op on row pointers and columns with the kernel of its name; `last` is the output's last size. */
function structural(
  name: KernelName,
  dtype: 'f32' | 'i32',
  last: (sizes: { rows: number; edges: number }) => Size,
): OpDefinition {
  return defineOp({
    name,
    infer: (inputs): Operand => {
      const { batch, rows, edges } = adjacencySizes(operand(inputs, 0), operand(inputs, 1));
      return { shape: [...batch, last({ rows, edges })], dtype };
    },
    emit: (e) => {
      const [pointers, columns] = e.inputs as [Emit['inputs'][0], Emit['inputs'][0]];
      const rows = (pointers.shape.at(-1) as number) - 1;
      const graphs = count(pointers.shape.slice(0, -1));
      e.kernel(name, e.out, pointers.address, columns.address, graphs, rows, columns.shape.at(-1) as number);
    },
    derivative: () => [undefined, undefined],
  });
}

const missingLoopsOp = structural('missingLoops', 'f32', ({ rows }) => rows);
const loopPointersOp = structural('loopPointers', 'i32', ({ rows }) => rows + 1);
const loopColumnsOp = structural('loopColumns', 'i32', ({ rows, edges }) => rows + edges);

/** f32 `[..., rows]`: 1 for every node without an edge to itself, else 0. */
export const missingLoops = ({ rowPointers, columns }: Adjacency): Tensor =>
  apply(missingLoopsOp, [rowPointers, columns]);

/**
 * The same graph with exactly one edge from every node to itself, the last of its row; weights are dropped. The padding nodes of a batch
 * get one as well, which touches nobody else.
 */
export function withSelfLoops({ rowPointers, columns, rows, sources, edges }: Adjacency): Adjacency {
  if (rows !== sources)
    throw new ShapeError(`withSelfLoops: a graph from ${sources} to ${rows} nodes has no self loops.`);
  return {
    rowPointers: apply(loopPointersOp, [rowPointers, columns]),
    columns: apply(loopColumnsOp, [rowPointers, columns]),
    values: undefined,
    rows,
    sources,
    edges: edges + rows,
  };
}
