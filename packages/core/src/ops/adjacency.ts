import { ShapeError } from '../errors.ts';
import { type Shape, sameShape, shapeText } from '../graph/dim.ts';
import { apply, defineOp, type Emit, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, lastSize, operand } from './check.ts';
import { wholeNumbers } from './check-values.ts';

/**
 * Who hears whom, as compressed sparse rows: node i hears the nodes `columns[rowPointers[i]]` to `columns[rowPointers[i + 1] - 1]`.
 * Made by `adjacency`, which checks it.
 */
export interface Adjacency {
  /** i32 `[..., rows + 1]` */
  readonly rowPointers: Tensor;
  /** i32 `[..., edges]`; what lies behind the last row pointer is not read. */
  readonly columns: Tensor;
  /** f32 `[..., edges]`: a weight for each edge; undefined = 1. */
  readonly values: Tensor | undefined;
  readonly rows: number;
  readonly edges: number;
  /** Nodes that `columns` number; equal to `rows` but in graphs between two kinds of nodes. */
  readonly sources: number;
}

export interface AdjacencyFields {
  readonly rowPointers: Tensor;
  readonly columns: Tensor;
  readonly values?: Tensor;
  /** Default: as many as rows. */
  readonly sources?: number;
}

/** Sizes of row pointers `[..., rows + 1]` and columns `[..., edges]`. */
export function adjacencySizes(pointers: Operand, columns: Operand): { batch: Shape; rows: number; edges: number } {
  expectDType(pointers, 'i32', 'row pointers');
  expectDType(columns, 'i32', 'columns');
  const batch = pointers.shape.slice(0, -1);
  if (!sameShape(batch, columns.shape.slice(0, -1)))
    throw new ShapeRule('row pointers [..., rows + 1] and columns [..., edges] must have the same leading dimensions');
  const rows = pointerCount(pointers) - 1;
  return { batch, rows, edges: fixedSize(lastSize(columns.shape), 'the number of edges') };
}

export function pointerCount(pointers: Operand): number {
  const size = fixedSize(lastSize(pointers.shape), 'the number of pointers');
  if (size < 1) throw new ShapeRule('there must be one more pointer than rows, at least one');
  return size;
}

const address = (e: Emit, i: number): number => e.inputs[i]?.address as number;
const graphs = (e: Emit): number => count(e.inputs[0]?.shape.slice(0, -1) as number[]);

const pointersOp = defineOp({
  name: 'adjacencyPointers',
  infer: (inputs) => {
    const pointers = expectDType(operand(inputs, 0), 'i32', 'row pointers');
    pointerCount(pointers);
    return { shape: pointers.shape, dtype: 'i32' };
  },
  emit: (e) => {
    const size = e.shape.at(-1) as number;
    e.kernel(
      'adjacencyPointers',
      e.out,
      address(e, 0),
      graphs(e),
      size,
      e.attributes.rows as number,
      e.context,
      e.nodeId,
    );
  },
  derivative: () => [undefined],
});

/** Pointers into `rows` rows, from 0 and never falling, or the step stops with an error. Checked once. */
export function checkedPointers(pointers: Tensor, rows: number): Tensor {
  const checked =
    (pointers.op === 'adjacencyPointers' && pointers.attributes.rows === rows) || pointers.op === 'loopPointers';
  return checked ? pointers : apply(pointersOp, [wholeNumbers(pointers, 'row pointer')], { rows });
}

const columnsOp = defineOp({
  name: 'adjacencyColumns',
  infer: (inputs) => {
    const [columns, pointers] = [operand(inputs, 0), operand(inputs, 1)];
    adjacencySizes(pointers, columns);
    return { shape: columns.shape, dtype: 'i32' };
  },
  emit: (e) => {
    const rows = (e.inputs[1]?.shape.at(-1) as number) - 1;
    const edges = e.shape.at(-1) as number;
    const sources = e.attributes.sources as number;
    const [columns, pointers] = [address(e, 0), address(e, 1)];
    e.kernel('adjacencyColumns', e.out, columns, pointers, graphs(e), rows, edges, sources, e.context, e.nodeId);
  },
  derivative: () => [undefined, undefined],
});

/**
 * A sparse adjacency from i32 `rowPointers` `[..., rows + 1]`, `columns` `[..., edges]` and, if edges have weights, f32 `values`
 * `[..., edges]`. Leading dimensions are a batch of graphs; without any, one graph serves the whole batch. Row pointers that fall or
 * reach beyond the edges, and columns outside of [0, sources), stop the step with an error that names the field.
 */
export function adjacency({ rowPointers, columns, values, sources }: AdjacencyFields): Adjacency {
  const [pointers, edges] = [rowPointers.shape.at(-1), columns.shape.at(-1)];
  if (typeof pointers !== 'number' || pointers < 1 || typeof edges !== 'number') {
    throw new ShapeError(
      `adjacency: rowPointers ${shapeText(rowPointers.shape)} and columns ${shapeText(columns.shape)} must end in fixed sizes, ` +
        '[..., rows + 1] and [..., edges].',
    );
  }
  const nodes = sources ?? pointers - 1;
  const checked = checkedPointers(rowPointers, edges);
  const checkedColumns = apply(columnsOp, [wholeNumbers(columns, 'column'), checked], { sources: nodes });
  if (values && !sameShape(values.shape, columns.shape)) {
    throw new ShapeError(
      `adjacency: values ${shapeText(values.shape)} must have the shape of columns, ${shapeText(columns.shape)}.`,
    );
  }
  return { rowPointers: checked, columns: checkedColumns, values, rows: pointers - 1, edges, sources: nodes };
}
