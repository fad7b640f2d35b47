import { ShapeError } from '../errors.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import type { Attributes } from './attributes.ts';
import { type DType, type Shape, shapeText } from './dim.ts';
import { currentPath } from './scope.ts';
import { Tensor } from './tensor.ts';

/** What an op's shape rule sees of an input: a Tensor, or a node of a Program that is being validated. */
export interface Operand {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A word of an instruction: an integer or address, or the bits of an f32. */
export type KernelArgument = number | { readonly f32: number };
export const f32 = (value: number): KernelArgument => ({ f32: value });

/** Row offsets of shards that an op keeps apart. */
export interface SegmentTable {
  readonly address: number;
  readonly count: number;
  /** One segment that is all rows: nothing to keep apart. */
  readonly whole: boolean;
}

/** What an op sees when its instructions are written: bound shapes and fixed byte addresses. */
export interface Emit {
  readonly out: number;
  readonly shape: readonly number[];
  readonly inputs: readonly { readonly address: number; readonly shape: readonly number[] }[];
  readonly attributes: Attributes;
  readonly nodeId: number;
  /** The thread's context block. */
  readonly context: number;
  /** Samples that the shapes are bound to. */
  readonly samples: number;
  /** Samples of the run before the first of these (above 0 only where shards are taken one by one out of a merged run). */
  readonly firstSample: number;
  /**
   * Where the shards lie in an operand that has `rows` rows: the address of a table of `count + 1` ascending row offsets. For an op that
   * sums over the batch; count is 1 where there is nothing to keep apart.
   */
  segments(rows: number): SegmentTable;
  /** Kernel scratch of at least so many bytes, valid for the instructions of this op; the same address at each call. */
  scratch(bytes: number): number;
  kernel(name: KernelName, ...args: KernelArgument[]): void;
}

export interface Derivative {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** d loss / d output. */
  readonly gradient: Tensor;
  readonly attributes: Attributes;
}

/** One op, everything about it side by side. */
export interface OpDefinition {
  readonly name: string;
  /** Shape rule; throws a ShapeError without naming the op or the layer, which `apply` adds. */
  infer(inputs: readonly Operand[], attributes: Attributes): Operand;
  /** Writes the instructions. Absent for leaves and aliases. */
  readonly emit?: (e: Emit) => void;
  /** d loss / d input for each input, in the same ops; undefined where none flows. Absent = not differentiable. */
  readonly derivative?: (d: Derivative) => readonly (Tensor | undefined)[];
  /** The output is input 0's buffer under another shape. */
  readonly alias?: boolean;
  /** Inputs whose buffer the output may overwrite. */
  readonly inPlace?: readonly number[];
  /** True where rows of the leading dimension influence each other although the output still has them. */
  readonly mixesRows?: (inputs: readonly Operand[], attributes: Attributes) => boolean;
  /** True where rows influence each other only within a shard, and `emit` keeps shards apart by `segments`: batch statistics. */
  readonly withinShards?: (inputs: readonly Operand[], attributes: Attributes) => boolean;
  /** True where `emit` keeps shards apart by `segments` while it sums over the leading dimension. */
  readonly segmented?: (inputs: readonly Operand[], attributes: Attributes) => boolean;
}

const registry = new Map<string, OpDefinition>();

export function defineOp(definition: OpDefinition): OpDefinition {
  if (registry.has(definition.name)) throw new Error(`op "${definition.name}" is defined twice`);
  registry.set(definition.name, definition);
  return definition;
}

export const findOp = (name: string): OpDefinition | undefined => registry.get(name);

/** Adds a node. Shape errors name the op, all shapes and the layer. */
export function apply(definition: OpDefinition, inputs: readonly Tensor[], attributes: Attributes = {}): Tensor {
  const path = currentPath();
  let result: Operand;
  try {
    result = definition.infer(inputs, attributes);
  } catch (error) {
    throw describe(error, definition.name, inputs, path);
  }
  return new Tensor(definition.name, inputs, attributes, result, path);
}

function describe(error: unknown, op: string, inputs: readonly Operand[], path: string): unknown {
  if (!(error instanceof ShapeRule)) return error;
  const shapes = inputs.map((t) => `${t.dtype}${shapeText(t.shape)}`).join(' and ');
  return new ShapeError(`${op}${path ? ` in layer "${path}"` : ''}: ${error.message} (inputs: ${shapes}).`);
}

/** Thrown by shape rules; within `apply` it becomes a ShapeError that names op, shapes and layer. */
export class ShapeRule extends ShapeError {}
