import { currentTrace, withPath } from '../graph/scope.ts';
import { Tensor } from '../graph/tensor.ts';
import { Buffer } from './buffer.ts';
import { ModelTensor } from './model-tensor.ts';
import { Parameter } from './parameter.ts';

/**
 * Base of all layers and models. Parameters and sub-modules are found as properties, also in arrays, in the order of their
 * definition; a property path is a name: `blocks.0.attention.query.weight`.
 */
export abstract class Module {
  /** True where the layer computes over all samples of a shard (BatchNorm), so that shards should not be small. */
  readonly mixesSamples?: boolean;

  // biome-ignore lint/suspicious/noExplicitAny: every layer has its own arguments
  abstract forward(...inputs: any[]): any;

  /** This module and all below it, each once, under the first path it is reached by. */
  *namedModules(prefix = '', seen: Set<object> = new Set()): Generator<[string, Module]> {
    if (seen.has(this)) return;
    seen.add(this);
    yield [prefix, this];
    for (const [path, value] of members(this, prefix)) {
      if (value instanceof Module) yield* value.namedModules(path, seen);
    }
  }

  /** Every parameter once, under the first path it is reached by (tied weights have one name). */
  *namedParameters(): Generator<[string, Parameter]> {
    for (const [path, tensor] of namedTensors(this, '', new Set()))
      if (tensor instanceof Parameter) yield [path, tensor];
  }

  /** Every buffer once: what belongs to the model and is not trained, such as running statistics. */
  *namedBuffers(): Generator<[string, Buffer]> {
    for (const [path, tensor] of namedTensors(this, '', new Set())) if (tensor instanceof Buffer) yield [path, tensor];
  }

  /** Parameters and buffers in the order of their definition. */
  namedTensors(): Generator<[string, ModelTensor]> {
    return namedTensors(this, '', new Set());
  }

  /**
   * False freezes all parameters and buffers of the module: no gradient is computed for them, no optimizer changes them, and they stay in
   * checkpoints. True lets them be trained again.
   */
  requiresGrad(on: boolean): this {
    for (const [, tensor] of this.namedTensors()) tensor.requiresGrad = on;
    return this;
  }

  parameters(): Parameter[] {
    return [...this.namedParameters()].map(([, parameter]) => parameter);
  }
}

/** A layer from one tensor to one tensor, as `Sequential` chains them. */
export interface Layer {
  forward(x: Tensor): Tensor;
}

function* namedTensors(module: Module, prefix: string, seen: Set<object>): Generator<[string, ModelTensor]> {
  for (const [path, value] of members(module, prefix)) {
    if (seen.has(value)) continue;
    seen.add(value);
    if (value instanceof ModelTensor) yield [path, value];
    else yield* namedTensors(value, path, seen);
  }
}

function* members(owner: object, prefix: string): Generator<[string, ModelTensor | Module]> {
  for (const [key, value] of Object.entries(owner)) {
    const path = prefix ? `${prefix}.${key}` : key;
    if (value instanceof ModelTensor || value instanceof Module) yield [path, value];
    else if (Array.isArray(value)) yield* members(value, path);
  }
}

/**
 * Gives every parameter its name, and makes each module's `forward` note its path, so that errors and random ops know where
 * they are. Called once, before the first trace.
 */
export function nameModel(model: Module): { parameters: [string, Parameter][]; buffers: [string, Buffer][] } {
  const parameters = [...model.namedParameters()];
  const buffers = [...model.namedBuffers()];
  for (const [name, tensor] of [...parameters, ...buffers]) tensor.rename(name);
  scope(model, '', new Set());
  return { parameters, buffers };
}

/** A layer that is called several times is noted under its path, `path#1`, `path#2` ... */
function noteActivation(path: string, output: Tensor): void {
  const activations = currentTrace()?.activations;
  let name = path;
  for (let call = 1; activations?.has(name); call++) name = `${path}#${call}`;
  activations?.set(name, output);
}

function scope(module: Module, path: string, seen: Set<Module>): void {
  if (seen.has(module)) return;
  seen.add(module);
  const forward = module.forward.bind(module);
  Object.defineProperty(module, 'forward', {
    enumerable: false,
    configurable: true,
    value: (...inputs: unknown[]) => {
      const output: unknown = withPath(path, () => forward(...inputs));
      if (output instanceof Tensor) noteActivation(path, output);
      return output;
    },
  });
  for (const [child, value] of members(module, path)) if (value instanceof Module) scope(value, child, seen);
}
