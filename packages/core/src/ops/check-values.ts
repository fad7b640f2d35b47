import type { Attributes } from '../graph/attributes.ts';
import { apply, defineOp, f32 } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, operand } from './check.ts';
import { cast } from './movement.ts';

export interface ValueRule {
  /** What the values are, as an error calls them: `label`, `target`, ... */
  readonly what: string;
  readonly low: number;
  readonly high: number;
  /** Only whole numbers. */
  readonly whole?: boolean;
  /** Only `low` and `high` themselves. */
  readonly ends?: boolean;
  /** NaN passes: for values that a model gives, where it is a matter of the run's `nonFinite`. */
  readonly allowNaN?: boolean;
}

const checkOp = defineOp({
  name: 'checkValues',
  infer: (inputs) => ({ shape: expectDType(operand(inputs, 0), 'f32').shape, dtype: 'f32' }),
  emit: (e) => {
    const { low, high, whole, ends, allowNaN } = e.attributes as unknown as ValueRule;
    const rule = (whole ? 1 : 0) | (ends ? 2 : 0) | (allowNaN ? 4 : 0);
    const x = e.inputs[0]?.address as number;
    e.kernel('checkValues', e.out, x, count(e.shape), f32(low), f32(high), rule, e.context, e.nodeId);
  },
  derivative: ({ gradient }) => [gradient],
  inPlace: [0],
});

/** The same values; one that breaks the rule stops the step with an error that names the sample. */
export const checkValues = (x: Tensor, rule: ValueRule): Tensor => apply(checkOp, [x], { ...rule });

/** How a value breaks the rule of a `checkValues` node: `target 1.5 is outside of [0, 1]`. */
export function describeBrokenRule(attributes: Attributes, value: number): string {
  const { what, low, high, whole, ends } = attributes as unknown as ValueRule;
  if (ends) return `${what} ${value} is neither ${low} nor ${high}`;
  if (whole && value >= low && value <= high) return `${what} ${value} is not a whole number`;
  return `${what} ${value} is ${Number.isNaN(value) ? 'not a number' : `outside of [${low}, ${high}]`}`;
}

/** Beyond this, f32 holds not every whole number. */
const largest = 2 ** 24;

/** Labels or indices of any dtype as i32. Of f32 only whole numbers pass: a cast would take NaN for 0 and 1.7 for 1. */
export function wholeNumbers(x: Tensor, what: string): Tensor {
  return cast(x.dtype === 'f32' ? checkValues(x, { what, low: -largest, high: largest, whole: true }) : x, 'i32');
}
