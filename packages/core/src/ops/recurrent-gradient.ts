import { apply, defineOp, type Emit, type OpDefinition, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { operand } from './check.ts';
import { type Cell, type CellName, cells } from './recurrent-cells.ts';
import {
  addressOf,
  carve,
  emitCopyOrZero,
  expectShapes,
  type Given,
  packedBytes,
  packedProductBytes,
  sequenceShape,
  withRoles,
} from './recurrent-operands.ts';
import type { Part } from './recurrent-outputs.ts';
import { emitStridedCopy } from './strided.ts';

/** Initial states whose gradients follow the steps' in each row. */
const initialStates = (cell: Cell): number => (cell.name === 'lstm' ? 2 : 1);

function infer(cell: Cell, inputs: readonly Operand[], roles: readonly string[], initial: boolean): Operand {
  const [batch, time, width] = sequenceShape(operand(inputs, 0), 'the kept values');
  const hidden = width / cell.kept;
  if (!Number.isInteger(hidden)) throw new ShapeRule(`${width} kept values do not hold ${cell.kept} states`);
  expectShapes(inputs, roles, {
    state: [batch, time, width],
    weight: [cell.gates * hidden, hidden],
    before: [batch, time, hidden],
    c0: [batch, hidden],
    lengths: [batch],
    sequence: [batch, time, hidden],
    hidden: [batch, hidden],
    cell: [batch, hidden],
  });
  if (!roles.includes('weight') || roles.includes('before') !== (cell.name === 'gru')) {
    throw new ShapeRule('an input is missing');
  }
  const step = cell.gradients * hidden;
  return { shape: initial ? [batch, time * step + initialStates(cell) * hidden] : [batch, time, step], dtype: 'f32' };
}

/** Step by step from the last one read to the first: the cell's derivative, then what the recurrent product carries back. */
function emit(cell: Cell, e: Emit): void {
  const state = e.inputs[0] as Emit['inputs'][0];
  const [rows, steps, width] = state.shape as [number, number, number];
  const hidden = width / cell.kept;
  const { reverse, initial } = e.attributes as { reverse: boolean; initial: boolean };
  const [gates, step] = [cell.gates * hidden, cell.gradients * hidden];
  const pitch = steps * step + (initial ? initialStates(cell) * hidden : 0);
  const state32 = rows * hidden * 4;
  const place = carve(e, {
    product: packedProductBytes,
    weight: packedBytes(gates, hidden),
    dh: state32,
    dc: cell.name === 'lstm' ? state32 : 0,
    zeros: hidden * 4,
  });
  const lengths = addressOf(e, 'lengths');
  const [sequence, before, c0] = [addressOf(e, 'sequence'), addressOf(e, 'before'), addressOf(e, 'c0')];
  // Rows that are over, and a GRU's direct path, keep what is in dh.
  const goOn = lengths !== 0 || cell.name === 'gru';

  e.kernel('packRight', place.weight, addressOf(e, 'weight'), gates, hidden, hidden, 1);
  e.kernel('fill', place.zeros, hidden, 0);
  emitCopyOrZero(e, place.dh, addressOf(e, 'hidden'), rows * hidden);
  if (place.dc !== 0) emitCopyOrZero(e, place.dc, addressOf(e, 'cell'), rows * hidden);

  const cellBefore = (t: number): [number, number] => {
    const previous = reverse ? t + 1 : t - 1;
    if (previous >= 0 && previous < steps) return [state.address + (previous * width + hidden) * 4, steps * width];
    return c0 === 0 ? [place.zeros, 0] : [c0, hidden];
  };
  for (let i = 0; i < steps; i++) {
    const t = reverse ? i : steps - 1 - i;
    const dz = e.out + t * step * 4;
    e.kernel(
      cell.gradientKernel,
      rows,
      hidden,
      state.address + t * width * 4,
      steps * width,
      ...(sequence === 0 ? [place.zeros, 0] : [sequence + t * hidden * 4, steps * hidden]),
      place.dh,
      place.dc,
      ...(cell.name === 'lstm' ? cellBefore(t) : [before + t * hidden * 4, steps * hidden]),
      dz,
      pitch,
      lengths,
      t,
      goOn ? 1 : 0,
    );
    if (i === steps - 1 && !initial) continue;
    e.kernel('matmulPacked', place.dh, dz, place.weight, rows, hidden, gates, pitch, goOn ? 1 : 0, 0, place.product);
  }
  if (!initial) return;
  [place.dh, place.dc].slice(0, initialStates(cell)).forEach((from, i) => {
    const to = e.out + (steps * step + i * hidden) * 4;
    emitStridedCopy(e, to, from, [rows, hidden], [hidden, 1], [pitch, 1]);
  });
}

const define = (cell: Cell): OpDefinition =>
  defineOp({
    name: `${cell.name}Grad`,
    infer: (inputs, { roles, initial }) => infer(cell, inputs, roles as readonly string[], initial === true),
    emit: (e) => emit(cell, e),
  });

const gradientOps: Record<CellName, OpDefinition> = {
  rnnTanh: define(cells.rnnTanh),
  rnnRelu: define(cells.rnnRelu),
  lstm: define(cells.lstm),
  gru: define(cells.gru),
};

/**
 * Gradients of what goes into the activations, `[batch, time, gradients * hidden]`; with `initial` flat in each row and followed by those of
 * the initial states.
 */
export function recurrentGradient(
  name: CellName,
  given: Given<'state' | 'weight' | 'before' | 'c0' | 'lengths' | Part>,
  attributes: { reverse: boolean; initial: boolean },
): Tensor {
  const { inputs, roles } = withRoles(given);
  return apply(gradientOps[name], inputs, { ...attributes, roles });
}
