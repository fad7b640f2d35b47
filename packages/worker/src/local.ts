/** What a run on this machine needs. The libraries of the network stay away: they take a tenth of a second to load. */

export { poison } from './barrier.ts';
export { controlBytes, controlWord } from './control-block.ts';
export type { BadIndex } from './memory/bad-index.ts';
export { type CompileOptions, compileRun } from './memory/compile-run.ts';
export { describeBadIndex } from './memory/describe-bad-index.ts';
export { fitRun } from './memory/fit-run.ts';
export { parameterPieces } from './memory/pieces.ts';
export { mebibytes } from './memory/regions.ts';
export { type Reduction, roundedElements } from './memory/rounding.ts';
export type { RunImage, StateAddresses } from './memory/run-image.ts';
export { RunMemory, type SlotItem } from './memory/run-memory.ts';
export { emaVector, runGroups, runVectors } from './memory/run-state.ts';
export { type Slot, type SlotKind, sampleBytes, slotKind, slotWord, stepStatus } from './memory/slot.ts';
export type { SlotAnswer } from './memory/slot-view.ts';
export type { StateView } from './memory/state-view.ts';
export type { TrainingState } from './memory/training-state.ts';
export type { KernelTime, ThreadProfile, TraceEvent } from './profile/thread-profile.ts';
export { type Shard, shardsOf } from './sharding/shards.ts';
export { children, foldTree, maximalSubtrees, splitPoint, type TreeNode } from './sharding/tree.ts';
export { StepLoop } from './step-loop.ts';
export { compiledKernels } from './thread/compiled-kernels.ts';
export type { ComputeReport, ComputeTask } from './thread/compute.ts';
export { ComputeThreads } from './thread/compute-threads.ts';
export { ComputePool } from './thread/pool.ts';
export { threadOptions } from './thread/thread-options.ts';
export { computeThreadUrl } from './thread/url.ts';
export type { ThreadScript } from './thread-script.ts';
