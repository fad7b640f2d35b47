import { apply, defineOp, type Operand, ShapeRule } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { plus } from './arithmetic.ts';
import { operand } from './check.ts';
import { addressOf, expectShapes, type Given, sequenceShape, withRoles } from './recurrent-operands.ts';
import { emitStridedCopy } from './strided.ts';

/** What a model sees of a recurrent op's kept values: the hidden state of each step, and both states after the last one. */
export type Part = 'sequence' | 'hidden' | 'cell';

/** Hidden size of kept values `[batch, time, kept * hidden]`. */
function hiddenOf(width: number, kept: number): number {
  if (!Number.isInteger(kept) || kept < 1 || width % kept !== 0) {
    throw new ShapeRule(`${width} kept values do not hold ${kept} states`);
  }
  return width / kept;
}

/** Never computed: the derivative of the recurrent op takes the parts of its gradient apart again. */
const partGradientOp = defineOp({ name: 'recurrentOutputGrad', infer: (inputs) => operand(inputs, 1) });

const outputOp = defineOp({
  name: 'recurrentOutput',
  infer: (inputs, attributes): Operand => {
    const [batch, time, width] = sequenceShape(operand(inputs, 0), 'the kept values');
    const { part, kept, roles } = attributes as { part: Part; kept: number; roles: readonly string[] };
    const hidden = hiddenOf(width, kept);
    expectShapes(inputs, roles, { state: [batch, time, width], lengths: [batch] });
    return { shape: part === 'sequence' ? [batch, time, hidden] : [batch, hidden], dtype: 'f32' };
  },
  emit: (e) => {
    const state = e.inputs[0] as (typeof e.inputs)[0];
    const [rows, steps, width] = state.shape as [number, number, number];
    const { part, reverse, kept } = e.attributes as { part: Part; reverse: boolean; kept: number };
    const hidden = width / kept;
    if (part === 'sequence') {
      emitStridedCopy(e, e.out, state.address, [rows * steps, hidden], [width, 1], [hidden, 1]);
      return;
    }
    const column = part === 'cell' ? hidden : 0;
    const lengths = addressOf(e, 'lengths');
    if (lengths !== 0 && !reverse) {
      e.kernel('stateAtEnd', e.out, state.address, lengths, rows, steps, width, column, hidden);
      return;
    }
    const last = reverse ? 0 : steps - 1;
    const from = state.address + (last * width + column) * 4;
    emitStridedCopy(e, e.out, from, [rows, hidden], [steps * width, 1], [hidden, 1]);
  },
  derivative: ({ inputs, gradient, attributes }) => [
    apply(partGradientOp, [gradient, inputs[0] as Tensor], { part: attributes.part as Part }),
    undefined,
  ],
});

export function recurrentOutput(
  state: Tensor,
  lengths: Tensor | undefined,
  attributes: { part: Part; reverse: boolean; kept: number },
): Tensor {
  const { inputs, roles } = withRoles({ state, ...(lengths && { lengths }) });
  return apply(outputOp, inputs, { ...attributes, roles });
}

/** The gradients of the parts that a gradient of kept values was put together from. */
export function partsOf(gradient: Tensor, found: Given<Part> = {}): Given<Part> {
  if (gradient.op === 'add') {
    for (const input of gradient.inputs) partsOf(input, found);
    return found;
  }
  if (gradient.op !== 'recurrentOutputGrad') throw new Error(`kept values got a gradient from ${gradient.op}`);
  const part = gradient.attributes.part as Part;
  const known = found[part];
  found[part] = known ? plus(known, gradient.inputs[0] as Tensor) : (gradient.inputs[0] as Tensor);
  return found;
}

const beforeOp = defineOp({
  name: 'statesBefore',
  infer: (inputs, attributes): Operand => {
    const [batch, time, width] = sequenceShape(operand(inputs, 0), 'the kept values');
    const { kept, roles } = attributes as { kept: number; roles: readonly string[] };
    const hidden = hiddenOf(width, kept);
    expectShapes(inputs, roles, { state: [batch, time, width], h0: [batch, hidden], lengths: [batch] });
    return { shape: [batch, time, hidden], dtype: 'f32' };
  },
  emit: (e) => {
    const state = e.inputs[0] as (typeof e.inputs)[0];
    const [rows, steps, width] = state.shape as [number, number, number];
    const [h0, lengths] = [addressOf(e, 'h0'), addressOf(e, 'lengths')];
    const hidden = e.shape[2] as number;
    e.kernel(
      'statesBefore',
      e.out,
      state.address,
      h0,
      lengths,
      rows,
      steps,
      width,
      hidden,
      e.attributes.reverse ? 1 : 0,
    );
  },
});

/** The hidden state that each step began with, `[batch, time, hidden]`. */
export function statesBefore(
  given: Given<'state' | 'h0' | 'lengths'>,
  attributes: { reverse: boolean; kept: number },
): Tensor {
  const { inputs, roles } = withRoles(given);
  return apply(beforeOp, inputs, { ...attributes, roles });
}
