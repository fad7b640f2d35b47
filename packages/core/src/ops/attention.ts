import type { Tensor } from '../graph/tensor.ts';
import { mulScalar } from './arithmetic.ts';
import { matmul } from './matmul.ts';
import { causalSoftmax, softmax } from './softmax.ts';

/**
 * softmax(q k^T / sqrt(d)) v for q `[..., queries, d]`, k and v `[..., keys, d]` (Vaswani et al. 2017). `causal`: query i sees keys up
 * to i + keys - queries. `mapWeights` sees the attention weights, e.g. for dropout.
 */
export function scaledDotProductAttention(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: { causal?: boolean; scale?: number; mapWeights?: (weights: Tensor) => Tensor } = {},
): Tensor {
  const scale = options.scale ?? 1 / Math.sqrt(q.shape.at(-1) as number);
  const scores = matmul(q, k, { transB: true });
  const weights = options.causal ? causalSoftmax(scores, scale) : softmax(mulScalar(scores, scale));
  return matmul(options.mapWeights ? options.mapWeights(weights) : weights, v);
}
