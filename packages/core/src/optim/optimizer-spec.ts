import type { KernelName } from '../kernels/opcodes.ts';

/** An optimizer as data: which kernel updates which parameters, with which numbers. The learning rate comes per step from its schedule. */
export interface OptimizerSpec {
  readonly kernel: KernelName;
  /** The vectors that the kernel can keep beside the parameters, in the order of its arguments, as PyTorch calls them. */
  readonly vectors: readonly string[];
  readonly groups: readonly GroupSpec[];
}

export interface GroupSpec {
  readonly parameters: readonly string[];
  /** What the powers that correct a bias are powers of: (beta1, beta2) in Adam, (1, 1) where nothing is corrected. */
  readonly rates: readonly [number, number];
  /** The kernel's own options, in its order (docs/kernels.md). */
  readonly options: readonly number[];
  /** The vectors that this group needs. */
  readonly vectors: readonly string[];
}

/** Names of the vectors that any group needs: those that a run holds, in this order. */
export const stateVectors = ({ vectors, groups }: OptimizerSpec): readonly string[] =>
  vectors.filter((name) => groups.some((group) => group.vectors.includes(name)));
