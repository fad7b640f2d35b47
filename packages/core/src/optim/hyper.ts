import type { OptimizerSpec } from './optimizer-spec.ts';

/** f32 words of the block that the update kernels read (docs/kernels.md). */
export const hyperLength = 16;

/** State of a group besides its vectors: updates done, and beta1^t, beta2^t by repeated multiplication (pow differs between platforms). */
export interface GroupState {
  updates: number;
  power1: number;
  power2: number;
}

export const freshGroupState = (): GroupState => ({ updates: 0, power1: 1, power2: 1 });

/** Counts one more update of the group. */
export function advance(state: GroupState, spec: OptimizerSpec, group: number): void {
  state.updates++;
  if (spec.kind === 'sgd') return;
  const { beta1, beta2 } = spec.groups[group] as (typeof spec.groups)[number];
  state.power1 *= beta1;
  state.power2 *= beta2;
}

/** Fills the block for update `state.updates` (already advanced). `gradScale` turns a sum into a clipped mean. */
export function writeHyper(
  into: Float32Array,
  spec: OptimizerSpec,
  group: number,
  state: GroupState,
  learningRate: number,
  gradScale: number,
): void {
  if (spec.kind === 'sgd') {
    const options = spec.groups[group] as (typeof spec.groups)[number];
    into[0] = learningRate;
    into[1] = options.momentum;
    into[2] = options.dampening;
    into[3] = options.weightDecay;
    into[4] = options.nesterov ? 1 : 0;
    into[5] = state.updates === 1 ? 1 : 0;
    into[6] = gradScale;
    return;
  }
  const options = spec.groups[group] as (typeof spec.groups)[number];
  into[0] = learningRate;
  into[1] = options.beta1;
  into[2] = options.beta2;
  into[3] = options.eps;
  into[4] = options.weightDecay;
  into[5] = 1 - state.power1;
  into[6] = Math.sqrt(1 - state.power2);
  into[7] = gradScale;
  into[8] = spec.kind === 'adamw' ? 1 : 0;
}

/** Names of the vectors an optimizer keeps beside the parameters, as PyTorch calls them. */
export function stateVectors(spec: OptimizerSpec): readonly string[] {
  if (spec.kind !== 'sgd') return ['exp_avg', 'exp_avg_sq'];
  return spec.groups.some(({ momentum }) => momentum !== 0) ? ['momentum_buffer'] : [];
}
