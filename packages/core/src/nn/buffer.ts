import { currentTrace } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { add } from '../ops/arithmetic.ts';
import { ModelTensor } from './model-tensor.ts';

/** A tensor that is part of a model but not trained by gradients, such as running statistics: PyTorch's buffer. */
export class Buffer extends ModelTensor {
  /**
   * Moves the buffer once per step, after the shards of the step are summed:
   * `buffer = (1 - momentum) * buffer + momentum * total / weight`. Does nothing while an evaluation is traced, or where it is frozen. A layer that is called
   * several times in a step moves it once, with the totals and weights of all calls.
   *
   * @param total of the buffer's shape: the sum over the samples of a shard
   * @param weight how many samples, positions or tokens `total` is over; summed over all its elements
   */
  update(total: Tensor, weight: Tensor, momentum: number): void {
    const trace = currentTrace();
    if (!trace?.training || !this.requiresGrad) return;
    const before = trace.bufferUpdates.get(this);
    trace.bufferUpdates.set(this, {
      total: before ? add(before.total, total) : total,
      weight: before ? add(before.weight, weight) : weight,
      momentum,
    });
  }
}
