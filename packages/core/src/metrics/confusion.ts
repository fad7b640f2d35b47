import { UsageError } from '../errors.ts';

/** How often each label was taken for each class. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** Row-major: `counts[label * classes + predicted]`. */
  readonly counts: Float64Array;
}

export interface ClassOptions {
  /** Labels and predictions lie in [0, classes). */
  readonly classes: number;
  /** Labels of this value are left out, whatever was predicted. */
  readonly ignoreIndex?: number;
}

/**
 * Counts labels against predictions, element by element: samples, or pixels, or tokens.
 *
 * @throws UsageError where the lengths differ, or a value is no class
 */
export function confusionMatrix(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  { classes, ignoreIndex }: ClassOptions,
): ConfusionMatrix {
  if (!Number.isInteger(classes) || classes < 1)
    throw new UsageError(`metrics: classes must be a whole number of at least 1, not ${classes}.`);
  if (predicted.length !== labels.length) {
    throw new UsageError(`metrics: ${predicted.length} predictions for ${labels.length} labels; give one for each.`);
  }
  const counts = new Float64Array(classes * classes);
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] === ignoreIndex) continue;
    const at = classAt('label', labels, i, classes) * classes + classAt('prediction', predicted, i, classes);
    counts[at] = (counts[at] as number) + 1;
  }
  return { classes, counts };
}

function classAt(what: string, values: ArrayLike<number>, i: number, classes: number): number {
  const value = values[i] as number;
  if (Number.isInteger(value) && value >= 0 && value < classes) return value;
  throw new UsageError(`metrics: ${what} ${value} at ${i} is not one of the ${classes} classes, [0, ${classes}).`);
}

/** Of one class: right, wrongly taken for it, and not seen. */
export interface ClassCounts {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly falseNegatives: number;
}

export function classCounts({ classes, counts }: ConfusionMatrix): ClassCounts[] {
  return Array.from({ length: classes }, (_, c) => {
    let [asLabel, asPrediction] = [0, 0];
    for (let other = 0; other < classes; other++) {
      asLabel += counts[c * classes + other] as number;
      asPrediction += counts[other * classes + c] as number;
    }
    const truePositives = counts[c * classes + c] as number;
    return { truePositives, falsePositives: asPrediction - truePositives, falseNegatives: asLabel - truePositives };
  });
}
