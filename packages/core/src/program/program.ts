import type { Attributes } from '../graph/attributes.ts';
import type { DType } from '../graph/dim.ts';

/**
 * Every change of arithmetic that moves a bit of a result raises this number: runs of different versions are never
 * mixed or resumed.
 */
export const numericsVersion = 2;

/** A size on the wire: a number, or coefficient times named dimensions. */
export type SizeData = number | { readonly coefficient: number; readonly symbols: readonly string[] };

/** One op of a Program. `inputs` are indices of earlier nodes. */
export interface ProgramNode {
  readonly op: string;
  readonly inputs: readonly number[];
  readonly attributes: Attributes;
  readonly shape: readonly SizeData[];
  readonly dtype: DType;
  /** Path of the layer that made it, for error messages: `blocks.0.attention`. */
  readonly path: string;
}

/**
 * The graph of one step as data: plain JSON, known ops and numbers only. Leaves are the ops `parameter {name}`,
 * `input {field}`, `scalar {name}` and `constant`. A Program has three kinds of results, any of which may be empty.
 */
export interface Program {
  readonly numericsVersion: number;
  readonly nodes: readonly ProgramNode[];
  /** Gradient sums by parameter name: written to the parameter's place in the result vector. */
  readonly gradients: Readonly<Record<string, number>>;
  /** Scalars summed over shards (loss, weights, metrics): written behind the gradients, in this order. */
  readonly statistics: readonly { readonly name: string; readonly node: number }[];
  /** Values handed out as they are (prediction). */
  readonly outputs: Readonly<Record<string, number>>;
}
