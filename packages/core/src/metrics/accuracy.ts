import { ShapeError, UsageError } from '../errors.ts';
import { sameShape, shapeText } from '../graph/dim.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Weighted } from '../loss/weighted.ts';
import { add, mul } from '../ops/arithmetic.ts';
import { fixedSize } from '../ops/check.ts';
import { wholeNumbers } from '../ops/check-values.ts';
import { equal, greater } from '../ops/compare.ts';
import { differs, gatherLast, replaceIndex } from '../ops/indexing.ts';
import { full, tensor } from '../ops/leaf.ts';
import { cast } from '../ops/movement.ts';
import { argmax } from '../ops/reduce.ts';
import { reshape, sum } from '../ops/stretch.ts';

export interface AccuracyOptions {
  /** Labels of this value are left out. */
  readonly ignoreIndex?: number;
}

/**
 * Share of rows whose largest logit is the label: logits `[batch, ..., classes]`, labels `[batch, ...]`.
 *
 * @throws ShapeError where the labels have another shape
 */
export function accuracy(logits: Tensor, labels: Tensor, options: AccuracyOptions = {}): Weighted {
  const rows = logits.shape.slice(0, -1);
  if (!sameShape(labels.shape, rows)) {
    throw new ShapeError(
      `metrics.accuracy: labels ${shapeText(labels.shape)} do not fit logits ${shapeText(logits.shape)}; reshape them to ${shapeText(rows)}.`,
    );
  }
  const hits = new Weighted(equal(cast(argmax(logits), 'f32'), cast(labels, 'f32')));
  const { ignoreIndex } = options;
  return ignoreIndex === undefined ? hits : hits.weighted(differs(wholeNumbers(labels, 'label'), ignoreIndex));
}

/**
 * Share of rows whose label is among the k largest logits; of equal ones the first counts as larger, so that k = 1 is `accuracy`.
 *
 * @throws UsageError unless k is a whole number from 1 to the number of classes
 */
export function topK(logits: Tensor, labels: Tensor, options: AccuracyOptions & { readonly k: number }): Weighted {
  const { k, ignoreIndex } = options;
  const classes = fixedSize(logits.shape.at(-1) ?? 0, 'the number of classes');
  if (!(Number.isInteger(k) && k >= 1 && k <= classes)) {
    throw new UsageError(`metrics.topK: k must be a whole number from 1 to the ${classes} classes, not ${k}.`);
  }
  const index = wholeNumbers(labels, 'label');
  const counted = ignoreIndex === undefined ? index : replaceIndex(index, ignoreIndex, 0);
  const asColumn = (x: Tensor) => reshape(x, [...labels.shape, 1]);
  const own = asColumn(gatherLast(logits, counted));
  const places = tensor(Array.from({ length: classes }, (_, i) => i));
  const tiesBefore = mul(equal(logits, own), greater(asColumn(cast(counted, 'f32')), places));
  const hits = new Weighted(greater(full([], k), sum(add(greater(logits, own), tiesBefore), -1)));
  return ignoreIndex === undefined ? hits : hits.weighted(differs(index, ignoreIndex));
}
