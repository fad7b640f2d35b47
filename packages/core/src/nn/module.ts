import { withPath } from '../graph/scope.ts';
import type { Tensor } from '../graph/tensor.ts';
import { Parameter } from './parameter.ts';

/**
 * Base of all layers and models. Parameters and sub-modules are found as properties, also in arrays, in the order of their
 * definition; a property path is a name: `blocks.0.attention.query.weight`.
 */
export abstract class Module {
  // biome-ignore lint/suspicious/noExplicitAny: every layer has its own arguments
  abstract forward(...inputs: any[]): any;

  /** Every parameter once, under the first path it is reached by (tied weights have one name). */
  *namedParameters(prefix = '', seen: Set<object> = new Set()): Generator<[string, Parameter]> {
    for (const [path, value] of members(this, prefix)) {
      if (seen.has(value)) continue;
      seen.add(value);
      if (value instanceof Parameter) yield [path, value];
      else yield* value.namedParameters(path, seen);
    }
  }

  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }
}

/** A layer from one tensor to one tensor, as `Sequential` chains them. */
export interface Layer {
  forward(x: Tensor): Tensor;
}

function* members(owner: object, prefix: string): Generator<[string, Parameter | Module]> {
  for (const [key, value] of Object.entries(owner)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (value instanceof Parameter || value instanceof Module) yield [path, value];
    else if (Array.isArray(value)) yield* members(value, path);
  }
}

/**
 * Gives every parameter its name, and makes each module's `forward` note its path, so that errors and random ops know where
 * they are. Called once, before the first trace.
 */
export function nameModel(model: Module): [string, Parameter][] {
  const parameters = [...model.namedParameters()];
  for (const [name, parameter] of parameters) parameter.rename(name);
  scope(model, '', new Set());
  return parameters;
}

function scope(module: Module, path: string, seen: Set<Module>): void {
  if (seen.has(module)) return;
  seen.add(module);
  const forward = module.forward.bind(module);
  Object.defineProperty(module, 'forward', {
    enumerable: false,
    configurable: true,
    value: (...inputs: unknown[]) => withPath(path, () => forward(...inputs)),
  });
  for (const [child, value] of members(module, path)) if (value instanceof Module) scope(value, child, seen);
}
