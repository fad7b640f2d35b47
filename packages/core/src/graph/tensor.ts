import type { Attributes } from './attributes.ts';
import type { DType, Shape } from './dim.ts';
import { shapeText } from './dim.ts';

let created = 0;

/**
 * A handle to a value that will be computed: its shape, dtype and the node of a graph that yields it. Ops only add nodes;
 * nothing runs until values are asked for (`await t.data()`) or a trainer takes the graph. There is nothing to dispose.
 */
export class Tensor {
  /** Order of creation, which is a topological order of every graph. */
  readonly id: number;
  readonly op: string;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  readonly shape: Shape;
  readonly dtype: DType;
  /** Path of the layer that made it. */
  readonly path: string;

  constructor(
    op: string,
    inputs: readonly Tensor[],
    attributes: Attributes,
    result: { shape: Shape; dtype: DType },
    path: string,
  ) {
    this.id = created++;
    this.op = op;
    this.inputs = inputs;
    this.attributes = attributes;
    this.shape = result.shape;
    this.dtype = result.dtype;
    this.path = path;
  }

  get rank(): number {
    return this.shape.length;
  }

  toString(): string {
    return `Tensor(${this.op}, ${this.dtype}${shapeText(this.shape)}${this.path ? `, ${this.path}` : ''})`;
  }
}
