/** What the other packages of Lockstep need and users do not. Nothing here is covered by the version's promise. */

export { type DataDescriptor, descriptorKinds } from './data/descriptor.ts';
export { type OpenOptions, openData } from './data/open-data.ts';
export * from './formats/digest.ts';
export * from './formats/safetensors.ts';
export * from './index.ts';
export { sourceFingerprint } from './job/data-digest.ts';
export { writeField } from './job/fields.ts';
export type {
  ActivationSpec,
  BufferSpec,
  EarlyStoppingSpec,
  FieldSpec,
  JobHost,
  JobSpec,
  OpenableData,
  PenaltySpec,
  PhaseSpec,
  StepValues,
  TracedJob,
} from './job/spec.ts';
export { type TraceOverrides, traceJob } from './job/trace-job.ts';
export { kernelsHash } from './kernels/kernels-hash.ts';
export * from './kernels.ts';
export { roundBf16 } from './math/bf16.ts';
export { describeBrokenRule } from './ops/check-values.ts';
export { type GroupSpec, type OptimizerSpec, stateVectors } from './optim/optimizer-spec.ts';
export { AddressSpace } from './program/address-space.ts';
export { buildProgram } from './program/build.ts';
export { evaluateTensors } from './program/evaluate-tensors.ts';
export {
  blockElements,
  type LayoutEntry,
  layoutOf,
  type ParameterLayout,
  type ResultLayout,
  resultLayoutOf,
} from './program/layout.ts';
export type { Plan, PlanAddresses, PlanRequest } from './program/plan.ts';
export { planProgram } from './program/plan-program.ts';
export { numericsVersion, type Program, type ProgramNode } from './program/program.ts';
export { TapeWriter } from './program/tape-writer.ts';
export {
  freshGroupState,
  hyperConstants,
  hyperLength,
  type UpdateAddresses,
  writeHyper,
  writeUpdate,
} from './program/update-tape.ts';
export { validateProgram } from './program/validate.ts';
export { deriveKey, Permutation, RandomStream } from './random/index.ts';
