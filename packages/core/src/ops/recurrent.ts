import { product, type Size } from '../graph/dim.ts';
import {
  apply,
  type Derivative,
  defineOp,
  type Emit,
  type OpDefinition,
  type Operand,
  ShapeRule,
} from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add } from './arithmetic.ts';
import { fixedSize, lastSize, operand } from './check.ts';
import { matmul, matmulScratchBytes } from './matmul.ts';
import { concat, slice } from './movement.ts';
import { type Cell, type CellName, cells } from './recurrent-cells.ts';
import { recurrentGradient } from './recurrent-gradient.ts';
import {
  addressOf,
  byRole,
  carve,
  emitCopyOrZero,
  expectShapes,
  type Given,
  packedBytes,
  packedProductBytes,
  sequenceShape,
  withRoles,
} from './recurrent-operands.ts';
import { type Part, partsOf, recurrentOutput, statesBefore } from './recurrent-outputs.ts';
import { reshape, sumTo } from './stretch.ts';

type Role = 'x' | 'input' | 'hidden' | 'inputBias' | 'hiddenBias' | 'h0' | 'c0' | 'lengths';

/** Below so many rows one product for all steps beats a small one at each; the sums are the same. */
const fewRows = 16;

function infer(cell: Cell, inputs: readonly Operand[], roles: readonly string[]): Operand {
  const [batch, time, features] = sequenceShape(operand(inputs, 0), 'x');
  const hidden = fixedSize(lastSize(operand(inputs, 2).shape), 'the hidden size');
  const [rows, state] = [cell.gates * hidden, [batch, hidden]];
  expectShapes(inputs, roles, {
    x: [batch, time, features],
    input: [rows, features],
    hidden: [rows, hidden],
    inputBias: [rows],
    ...(cell.name === 'gru' && { hiddenBias: [rows] }),
    h0: state,
    ...(cell.name === 'lstm' && { c0: state }),
    lengths: [batch],
  });
  if (['x', 'input', 'hidden'].some((role, i) => roles[i] !== role)) throw new ShapeRule('an input is missing');
  if (cell.name === 'lstm' && roles.includes('h0') !== roles.includes('c0')) {
    throw new ShapeRule('h0 and c0 must be given together');
  }
  return { shape: [batch, time, cell.kept * hidden], dtype: 'f32' };
}

/**
 * The weights are packed once; then for each time step a product of the input, one of the hidden state, and one pass of the cell over all rows.
 * What the input brings to the gates of all steps would be the largest buffer of the layer: it is made step by step and stays in the cache.
 */
function emit(cell: Cell, e: Emit): void {
  const [rows, steps, width] = e.shape as [number, number, number];
  const x = e.inputs[0] as Emit['inputs'][0];
  const features = x.shape[2] as number;
  const hidden = width / cell.kept;
  const gates = cell.gates * hidden;
  const state32 = rows * hidden * 4;
  const ahead = rows < fewRows;
  const place = carve(e, {
    product: ahead ? matmulScratchBytes : packedProductBytes,
    input: ahead ? 0 : packedBytes(features, gates),
    hidden: packedBytes(hidden, gates),
    projected: rows * gates * 4 * (ahead ? steps : 1),
    z: rows * gates * 4,
    h: state32,
    c: cell.name === 'lstm' ? state32 : 0,
  });
  const [inputBias, hiddenBias] = [addressOf(e, 'inputBias'), addressOf(e, 'hiddenBias')];
  const [h0, lengths] = [addressOf(e, 'h0'), addressOf(e, 'lengths')];

  if (lengths !== 0) e.kernel('checkLengths', lengths, rows, steps, e.context, e.nodeId);
  e.kernel('packRight', place.hidden, addressOf(e, 'hidden'), hidden, gates, 1, hidden);
  if (ahead) {
    const sizes = [rows * steps, gates, features, features, 1, 1, features];
    const weight = addressOf(e, 'input');
    e.kernel('matmul', place.projected, x.address, weight, ...sizes, 1, 0, 0, 0, 0, 0, inputBias, place.product);
  } else e.kernel('packRight', place.input, addressOf(e, 'input'), features, gates, 1, features);
  emitCopyOrZero(e, place.h, h0, rows * hidden);
  if (place.c !== 0) emitCopyOrZero(e, place.c, addressOf(e, 'c0'), rows * hidden);

  const product = (out: number, a: number, packed: number, k: number, pitch: number, bias: number) =>
    e.kernel('matmulPacked', out, a, packed, rows, gates, k, pitch, 0, bias, place.product);
  for (let i = 0; i < steps; i++) {
    const t = e.attributes.reverse ? steps - 1 - i : i;
    if (!ahead) {
      product(place.projected, x.address + t * features * 4, place.input, features, steps * features, inputBias);
    }
    if (i === 0 && h0 === 0 && hiddenBias === 0) e.kernel('fill', place.z, rows * gates, 0);
    else product(place.z, place.h, place.hidden, hidden, hidden, hiddenBias);
    e.kernel(
      cell.kernel,
      rows,
      hidden,
      place.z,
      ...(ahead ? [place.projected + t * gates * 4, steps * gates] : [place.projected, gates]),
      e.out + t * width * 4,
      steps * width,
      place.h,
      place.c,
      lengths,
      t,
    );
  }
}

function derivative(cell: Cell, { inputs, output: state, gradient, attributes }: Derivative): (Tensor | undefined)[] {
  const { roles, reverse } = attributes as { roles: readonly Role[]; reverse: boolean };
  const given = byRole<Role, Tensor>(inputs, roles);
  const { h0, c0, lengths } = given;
  const [x, input] = [given.x as Tensor, given.input as Tensor];
  const [batch, steps, width] = state.shape as [Size, number, number];
  const hidden = width / cell.kept;
  const [gates, step] = [cell.gates * hidden, cell.gradients * hidden];
  const before = statesBefore({ state, ...(h0 && { h0 }), ...(lengths && { lengths }) }, { reverse, kept: cell.kept });
  const all = recurrentGradient(
    cell.name,
    {
      state,
      weight: given.hidden as Tensor,
      ...(cell.name === 'gru' && { before }),
      ...(c0 && { c0 }),
      ...(lengths && { lengths }),
      ...partsOf(gradient),
    },
    { reverse, initial: h0 !== undefined },
  );
  const dz = h0 ? reshape(slice(all, 1, 0, steps * step), [batch, steps, step]) : all;
  const isGru = cell.name === 'gru';
  // A GRU's gradients are r, z and the product's n, then the input's n.
  const recurrent = isGru ? slice(dz, 2, 0, gates) : dz;
  const projected = isGru ? concat([slice(dz, 2, 0, 2 * hidden), slice(dz, 2, gates, step)], 2) : dz;
  const rows = (x: Tensor): Tensor => reshape(x, [product(x.shape.slice(0, 2)), x.shape[2] as Size]);
  const initial = (i: number): Tensor => slice(all, 1, steps * step + i * hidden, steps * step + (i + 1) * hidden);
  const parts: Partial<Record<Role, () => Tensor>> = {
    x: () => matmul(projected, input),
    input: () => matmul(rows(projected), rows(x), { transA: true }),
    hidden: () => matmul(rows(recurrent), rows(before), { transA: true }),
    inputBias: () => sumTo(projected, [gates]),
    hiddenBias: () => sumTo(recurrent, [gates]),
    h0: () => initial(0),
    c0: () => initial(1),
  };
  return roles.map((role) => parts[role]?.());
}

const define = (cell: Cell): OpDefinition =>
  defineOp({
    name: cell.name,
    infer: (inputs, { roles }) => infer(cell, inputs, roles as readonly string[]),
    emit: (e) => emit(cell, e),
    derivative: (d) => derivative(cell, d),
  });

const recurrentOps: Record<CellName, OpDefinition> = {
  rnnTanh: define(cells.rnnTanh),
  rnnRelu: define(cells.rnnRelu),
  lstm: define(cells.lstm),
  gru: define(cells.gru),
};

/** PyTorch's weights of one layer in one direction; both biases or none. */
export interface RecurrentWeights {
  /** `[gates * hidden, features]` */
  readonly input: Tensor;
  /** `[gates * hidden, hidden]` */
  readonly hidden: Tensor;
  /** `[gates * hidden]` each */
  readonly bias?: { readonly input: Tensor; readonly hidden: Tensor } | undefined;
}

export interface RecurrentOptions {
  /** Initial hidden state `[batch, hidden]`; zeros where absent. */
  readonly h0?: Tensor | undefined;
  /** Initial cell state of an LSTM, together with h0. */
  readonly c0?: Tensor | undefined;
  /** Valid steps of each sample, i32 `[batch]`, from 1 to the number of steps; all where absent. */
  readonly lengths?: Tensor | undefined;
  /** Reads from the last valid step to the first. */
  readonly reverse?: boolean;
}

/**
 * One layer of a recurrent network in one direction, over all time steps of x `[batch, time, features]`. Each step costs
 * two products and one pass of the cell; the derivative costs one product and one pass a step, and one product over all steps for each weight.
 *
 * @returns the hidden state of each step `[batch, time, hidden]`, 0 beyond a sample's length, and the states after the last valid
 *   step `[batch, hidden]`. A length out of range stops the step with an error.
 */
export function recurrent(
  name: CellName,
  x: Tensor,
  weights: RecurrentWeights,
  options: RecurrentOptions = {},
): { sequence: Tensor; hidden: Tensor; cell: Tensor | undefined } {
  const { h0, c0, lengths, reverse = false } = options;
  // The reset gate of a GRU scales the recurrent product together with its bias; elsewhere the two biases are one.
  const apart = name === 'gru';
  const { input, hidden, bias } = weights;
  const { inputs, roles } = withRoles({
    x,
    input,
    hidden,
    ...(bias &&
      (apart ? { inputBias: bias.input, hiddenBias: bias.hidden } : { inputBias: add(bias.input, bias.hidden) })),
    ...(h0 && { h0 }),
    ...(c0 && { c0 }),
    ...(lengths && { lengths }),
  } satisfies Given<Role>);
  const state = apply(recurrentOps[name], inputs, { roles, reverse });
  const { kept } = cells[name];
  const output = (part: Part) => recurrentOutput(state, lengths, { part, reverse, kept });
  return {
    sequence: output('sequence'),
    hidden: output('hidden'),
    cell: name === 'lstm' ? output('cell') : undefined,
  };
}
