import type { Tensor } from '../graph/tensor.ts';
import { Weighted } from '../loss/weighted.ts';
import { equal } from '../ops/compare.ts';
import { cast } from '../ops/movement.ts';
import { argmax } from '../ops/reduce.ts';

/** Share of rows whose largest logit is the label: logits `[batch, ..., classes]`, labels `[batch, ...]`. */
export const accuracy = (logits: Tensor, labels: Tensor): Weighted =>
  new Weighted(equal(cast(argmax(logits), 'f32'), cast(labels, 'f32')));
