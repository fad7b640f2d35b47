export { type AdadeltaOptions, adadelta } from './adadelta.ts';
export { type AdagradOptions, adagrad } from './adagrad.ts';
export { type AdamOptions, adam, adamW } from './adam.ts';
export { type LionOptions, lion } from './lion.ts';
export type { Group, Optimizer, ParameterInfo, ParameterRule, WithGroups } from './optimizers.ts';
export { type RmspropOptions, rmsprop } from './rmsprop.ts';
export * from './schedules.ts';
export { type SgdOptions, sgd } from './sgd.ts';
