export {
  type AdamOptions,
  adam,
  adamW,
  type Group,
  type Optimizer,
  type ParameterInfo,
  type ParameterRule,
  type SgdOptions,
  sgd,
} from './optimizers.ts';
export * from './schedules.ts';
