export { DataError, FormatError, LockstepError, MemoryLimitError, NonFiniteError, ShapeError, UsageError } from './errors.ts';
export { Dim, type DType, type Shape, type Size } from './graph/dim.ts';
export { Tensor } from './graph/tensor.ts';
export * as ops from './ops/index.ts';
export { grad, tensor } from './ops/index.ts';
