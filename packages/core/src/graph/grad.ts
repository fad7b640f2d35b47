import { ShapeError } from '../errors.ts';
import { sameShape, shapeText } from './dim.ts';
import { findOp } from './op.ts';
import type { Tensor } from './tensor.ts';

/** Every tensor that `outputs` depend on, in order of creation (a topological order). */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const seen = new Set<Tensor>();
  const stack = [...outputs];
  for (let next = stack.pop(); next; next = stack.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    stack.push(...next.inputs);
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/**
 * Builds the backward graph: d (sum of `output` times `seed`) / d each of `wrt`. Contributions to one tensor are added in a fixed
 * order, latest consumer first. undefined where no gradient flows.
 *
 * `add` is passed in because ops are built on the graph and not the other way round.
 */
export function backward(
  output: Tensor,
  seed: Tensor,
  wrt: readonly Tensor[],
  add: (a: Tensor, b: Tensor) => Tensor,
): (Tensor | undefined)[] {
  const order = topologicalOrder([output]);
  const needed = new Set<Tensor>(wrt);
  for (const node of order) if (node.inputs.some((input) => needed.has(input))) needed.add(node);

  const gradients = new Map<Tensor, Tensor>([[output, seed]]);
  for (const node of order.reverse()) {
    const gradient = gradients.get(node);
    if (!gradient || node.inputs.length === 0 || !node.inputs.some((input) => needed.has(input))) continue;
    const derivative = findOp(node.op)?.derivative;
    if (!derivative) throw new ShapeError(`${node.op} has no derivative, but a gradient was asked through ${node}.`);
    const parts = derivative({ inputs: node.inputs, output: node, gradient, attributes: node.attributes });
    node.inputs.forEach((input, i) => {
      const part = parts[i];
      if (!part || !needed.has(input)) return;
      if (!sameShape(part.shape, input.shape)) {
        throw new Error(
          `derivative of ${node.op}: ${shapeText(part.shape)} for input ${i} of ${shapeText(input.shape)}`,
        );
      }
      const sum = gradients.get(input);
      gradients.set(input, sum ? add(sum, part) : part);
    });
  }
  return wrt.map((tensor) => gradients.get(tensor));
}
