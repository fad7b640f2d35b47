import { ModelTensor } from './model-tensor.ts';

/** A tensor that the optimizer changes. */
export class Parameter extends ModelTensor {}
