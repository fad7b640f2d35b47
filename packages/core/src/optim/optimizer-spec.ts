/** Hyperparameters of one parameter group. The learning rate comes per step from its schedule. */
export interface SgdGroup {
  readonly parameters: readonly string[];
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

export interface AdamGroup {
  readonly parameters: readonly string[];
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
}

export type OptimizerSpec =
  | { readonly kind: 'sgd'; readonly groups: readonly SgdGroup[] }
  | { readonly kind: 'adam' | 'adamw'; readonly groups: readonly AdamGroup[] };
