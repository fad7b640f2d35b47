import * as nn from '../nn/index.ts';
import { sampleTensor } from './check-gradient.ts';

/** Puts constants, different everywhere, in place of all parameters, so that a layer can be computed outside of a run. */
export function withFixedParameters<M extends nn.Module>(module: M): M {
  let stream = 20;
  const fill = (owner: object): void => {
    for (const [key, value] of Object.entries(owner)) {
      if (value instanceof nn.Parameter)
        Object.assign(owner, { [key]: sampleTensor(value.shape as number[], stream++) });
      else if (value instanceof nn.Module || Array.isArray(value)) fill(value);
    }
  };
  fill(module);
  return module;
}
