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
import { operand } from './check.ts';
import { linear, matmul } from './matmul.ts';
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

type Role = 'projected' | 'weight' | 'bias' | 'h0' | 'c0' | 'lengths';

function infer(cell: Cell, inputs: readonly Operand[], roles: readonly string[]): Operand {
  const [batch, time, width] = sequenceShape(operand(inputs, 0), 'the projected input');
  const hidden = width / cell.gates;
  if (!Number.isInteger(hidden)) throw new ShapeRule(`${width} projected features are not ${cell.gates} gates`);
  const state = [batch, hidden];
  expectShapes(inputs, roles, {
    projected: [batch, time, width],
    weight: [width, hidden],
    ...(cell.name === 'gru' && { bias: [width] }),
    h0: state,
    ...(cell.name === 'lstm' && { c0: state }),
    lengths: [batch],
  });
  if (roles[0] !== 'projected' || roles[1] !== 'weight') throw new ShapeRule('the weight is missing');
  if (cell.name === 'lstm' && roles.includes('h0') !== roles.includes('c0')) {
    throw new ShapeRule('h0 and c0 must be given together');
  }
  return { shape: [batch, time, cell.kept * hidden], dtype: 'f32' };
}

/** The recurrent weight is packed once; then for each time step one product and one pass of the cell over all rows. */
function emit(cell: Cell, e: Emit): void {
  const [rows, steps, width] = e.shape as [number, number, number];
  const hidden = width / cell.kept;
  const gates = cell.gates * hidden;
  const state32 = rows * hidden * 4;
  const place = carve(e, {
    product: packedProductBytes,
    weight: packedBytes(hidden, gates),
    z: rows * gates * 4,
    h: state32,
    c: cell.name === 'lstm' ? state32 : 0,
  });
  const [projected, bias] = [addressOf(e, 'projected'), addressOf(e, 'bias')];
  const [h0, lengths] = [addressOf(e, 'h0'), addressOf(e, 'lengths')];

  if (lengths !== 0) e.kernel('checkLengths', lengths, rows, steps, e.context, e.nodeId);
  e.kernel('packRight', place.weight, addressOf(e, 'weight'), hidden, gates, 1, hidden);
  emitCopyOrZero(e, place.h, h0, rows * hidden);
  if (place.c !== 0) emitCopyOrZero(e, place.c, addressOf(e, 'c0'), rows * hidden);

  for (let i = 0; i < steps; i++) {
    const t = e.attributes.reverse ? steps - 1 - i : i;
    if (i === 0 && h0 === 0 && bias === 0) e.kernel('fill', place.z, rows * gates, 0);
    else e.kernel('matmulPacked', place.z, place.h, place.weight, rows, gates, hidden, hidden, 0, bias, place.product);
    e.kernel(
      cell.kernel,
      rows,
      hidden,
      place.z,
      projected + t * gates * 4,
      steps * gates,
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
  const { weight, h0, c0, lengths } = given;
  const [batch, steps, width] = state.shape as [Size, number, number];
  const hidden = width / cell.kept;
  const [gates, step] = [cell.gates * hidden, cell.gradients * hidden];
  const before = statesBefore({ state, ...(h0 && { h0 }), ...(lengths && { lengths }) }, { reverse, kept: cell.kept });
  const all = recurrentGradient(
    cell.name,
    {
      state,
      weight: weight as Tensor,
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
    projected: () => projected,
    weight: () => matmul(rows(recurrent), rows(before), { transA: true }),
    bias: () => sumTo(recurrent, [gates]),
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
 * One layer of a recurrent network in one direction, over all time steps of x `[batch, time, features]`. One product brings the input of
 * all steps to the gates; each step then costs one product and one pass of the cell, and in the derivative the same again, with one product
 * over all steps for each weight.
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
  const projected = linear(x, input, bias && (apart ? bias.input : add(bias.input, bias.hidden)));
  const { inputs, roles } = withRoles({
    projected,
    weight: hidden,
    ...(apart && bias && { bias: bias.hidden }),
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
