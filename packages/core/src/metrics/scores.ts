import { UsageError } from '../errors.ts';
import { exp } from '../math/index.ts';
import { type ClassCounts, type ClassOptions, classCounts, confusionMatrix } from './confusion.ts';

/**
 * `macro`: the mean over classes. `micro`: over all decisions together. `weighted`: the mean over classes by how many labels each has.
 * Classes that occur neither as label nor as prediction are left out.
 */
export type Average = 'macro' | 'micro' | 'weighted';

export interface ScoreOptions extends ClassOptions {
  /** Default `macro`. */
  readonly average?: Average;
}

type Score = (counts: ClassCounts) => number;
/** 0 / 0 is 0: a class never predicted has precision 0. */
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const precisionOf: Score = ({ truePositives: hits, falsePositives }) => share(hits, hits + falsePositives);
const recallOf: Score = ({ truePositives: hits, falseNegatives }) => share(hits, hits + falseNegatives);
const f1Of: Score = ({ truePositives: hits, falsePositives, falseNegatives }) =>
  share(2 * hits, 2 * hits + falsePositives + falseNegatives);
const iouOf: Score = ({ truePositives: hits, falsePositives, falseNegatives }) =>
  share(hits, hits + falsePositives + falseNegatives);

const scoreBy =
  (score: Score) =>
  (predicted: ArrayLike<number>, labels: ArrayLike<number>, options: ScoreOptions): number => {
    const { average = 'macro' } = options;
    const all = classCounts(confusionMatrix(predicted, labels, options));
    const seen = all.filter((c) => c.truePositives + c.falsePositives + c.falseNegatives > 0);
    if (seen.length === 0) return Number.NaN;
    if (average === 'micro') return score(total(seen));
    if (average === 'macro') return seen.reduce((sum, counts) => sum + score(counts), 0) / seen.length;
    if (average !== 'weighted') {
      throw new UsageError(`metrics: average must be "macro", "micro" or "weighted", not "${String(average)}".`);
    }
    const labelled = (counts: ClassCounts) => counts.truePositives + counts.falseNegatives;
    return seen.reduce((sum, counts) => sum + labelled(counts) * score(counts), 0) / labelled(total(seen));
  };

const total = (all: readonly ClassCounts[]): ClassCounts =>
  all.reduce((a, b) => ({
    truePositives: a.truePositives + b.truePositives,
    falsePositives: a.falsePositives + b.falsePositives,
    falseNegatives: a.falseNegatives + b.falseNegatives,
  }));

/** Share of right ones among what was taken for a class. */
export const precision = scoreBy(precisionOf);
/** Share of a class that was found. */
export const recall = scoreBy(recallOf);
/** Harmonic mean of precision and recall. */
export const f1 = scoreBy(f1Of);
/** Intersection over union of labels and predictions, e.g. of the pixels of a segmentation: the Jaccard index. */
export const meanIou = scoreBy(iouOf);

/** e^loss for a mean cross entropy in nats: among how many equally likely tokens a model hesitates. */
export const perplexity = (loss: number): number => exp(loss);
