import type { Shape } from '../graph/dim.ts';
import { apply, defineOp } from '../graph/op.ts';
import type { Tensor } from '../graph/tensor.ts';
import { count, expectDType, fixedSize, leadingSymbolic, operand } from './check.ts';
import { expand, reshape } from './stretch.ts';

const channelSumOp = defineOp({
  name: 'channelSum',
  infer: (inputs) => {
    const { shape } = expectDType(operand(inputs, 0), 'f32');
    return { shape: [fixedSize(shape[1] ?? 0, 'the number of channels')], dtype: 'f32' };
  },
  emit: (e) => {
    const x = e.inputs[0] as (typeof e.inputs)[0];
    const [samples, channels] = x.shape as [number, number];
    const table = e.segments(samples);
    const scratch = e.scratch(channels * 4 * (Math.ceil(Math.log2(table.count)) + 1));
    e.kernel('channelSum', e.out, x.address, table.address, table.count, channels, count(x.shape.slice(2)), scratch);
  },
  mixesRows: ([x]) => leadingSymbolic(x?.shape as Shape),
  segmented: ([x]) => leadingSymbolic(x?.shape as Shape),
  derivative: ({ inputs: [x], gradient }) => {
    const { shape } = x as Tensor;
    return [expand(reshape(gradient, [gradient.shape[0] ?? 1, ...shape.slice(2).map(() => 1)]), shape)];
  },
});

/** Sum of `[batch, channels, ...]` over everything but the channels. */
export const channelSum = (x: Tensor): Tensor => apply(channelSumOp, [x]);
