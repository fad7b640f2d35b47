export { adam, adamW, type AdamOptions, type Group, type Optimizer, type ParameterInfo, sgd, type SgdOptions } from './optimizers.ts';
export * from './schedules.ts';
