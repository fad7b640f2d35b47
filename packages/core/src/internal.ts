/** What the other packages of Lockstep need and users do not. Nothing here is covered by the version's promise. */
export * from './index.ts';
export type { AdamGroup, OptimizerSpec, SgdGroup } from './optim/optimizer-spec.ts';
export type { FieldSpec, JobHost, JobSpec, StepValues, TracedJob } from './job/spec.ts';
export { loadKernelModule, describeKernels, type LoadedKernels } from './kernels/loader.ts';
export { instantiateKernels, firstFreeAddress, type Kernels } from './kernels/instance.ts';
export { selfTest, selfTestBytes } from './kernels/self-test.ts';
export { opcode, type KernelName } from './kernels/opcodes.ts';
export { buildProgram } from './program/build.ts';
export { type LayoutEntry, layoutOf, type ParameterLayout, type ResultLayout, resultLayoutOf } from './program/layout.ts';
export type { Plan, PlanAddresses, PlanRequest } from './program/plan.ts';
export { planProgram } from './program/plan-program.ts';
export { numericsVersion, type Program, type ProgramNode } from './program/program.ts';
export { TapeWriter } from './program/tape-writer.ts';
export { validateProgram } from './program/validate.ts';
export { traceJob, type TraceOverrides } from './job/trace-job.ts';
export { deriveKey, permutationIndex } from './random/index.ts';
