export {
  type AdamOptions,
  adam,
  adamW,
  type Group,
  type Optimizer,
  type ParameterInfo,
  type SgdOptions,
  sgd,
} from './optimizers.ts';
export * from './schedules.ts';
