export * as augment from './augment/index.ts';
export * as data from './data/index.ts';
export type { DataSource, Sample } from './data/source.ts';
export {
  DataError,
  FormatError,
  LockstepError,
  MemoryLimitError,
  NonFiniteError,
  ShapeError,
  UsageError,
} from './errors.ts';
export { readWeights } from './formats/read-weights.ts';
export { Dim, type DType, type Shape, type Size } from './graph/dim.ts';
export { Tensor } from './graph/tensor.ts';
export { type AnyJob, defineJob, isJob, type JobDefinition } from './job/define-job.ts';
export type {
  BatchOf,
  DataOptions,
  DataSplits,
  EarlyStoppingOptions,
  EmaOptions,
  Gathered,
  JobOptions,
  Penalty,
  PhaseOptions,
  StepContext,
  StepResult,
  UpdateOptions,
} from './job/options.ts';
export * as loss from './loss/index.ts';
export * as math from './math/index.ts';
export * as metrics from './metrics/index.ts';
export * as nn from './nn/index.ts';
export * as ops from './ops/index.ts';
export { grad, tensor } from './ops/index.ts';
export * as optim from './optim/index.ts';
export { type BatchValues, evaluateBatch } from './program/evaluate-batch.ts';
export { ManualOptimizer, type NamedValues } from './program/manual-optimizer.ts';
export { valueAndGrad } from './program/value-and-grad.ts';

import './program/evaluate-tensors.ts';

export * as random from './random/index.ts';
export { version } from './version.ts';
