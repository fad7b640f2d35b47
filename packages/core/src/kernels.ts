/** What compute threads need of the core: they start in a third of the time when they load nothing else. */

export { LockstepError } from './errors.ts';
export { firstFreeAddress, instantiateKernels, type Kernels } from './kernels/instance.ts';
export { describeKernels, type LoadedKernels, loadKernelModule } from './kernels/loader.ts';
export { type KernelName, opcode } from './kernels/opcodes.ts';
export { kernelOf, type Phase, phases } from './kernels/phases.ts';
export { selfTest, selfTestBytes } from './kernels/self-test.ts';
