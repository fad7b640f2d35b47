export { type AccuracyOptions, accuracy, topK } from './accuracy.ts';
export {
  type ClassCounts,
  type ClassOptions,
  type ConfusionMatrix,
  classCounts,
  confusionMatrix,
} from './confusion.ts';
export { type Average, f1, meanIou, perplexity, precision, recall, type ScoreOptions } from './scores.ts';
