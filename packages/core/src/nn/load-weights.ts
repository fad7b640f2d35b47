import { UsageError } from '../errors.ts';
import type { Initializer } from './init.ts';
import type { Module } from './module.ts';

/** Values by name, flat in row-major order; without a shape only their number is compared. */
export type NamedWeights = Readonly<
  Record<string, ArrayLike<number> | { readonly shape: readonly number[]; readonly data: ArrayLike<number> }>
>;

export interface LoadOptions {
  /** Default true: every tensor of the model must be given, and every given one be the model's. False: what fits is loaded. */
  readonly strict?: boolean;
  /** The model's name of a given tensor; undefined leaves it out. Default: the same name. */
  readonly rename?: (name: string) => string | undefined;
}

/** Names are the model's, those of `unexpected` the given ones. */
export interface LoadReport {
  readonly loaded: readonly string[];
  /** Of the model, and not given. */
  readonly missing: readonly string[];
  /** Given, and not of the model. */
  readonly unexpected: readonly string[];
  readonly mismatched: readonly {
    readonly name: string;
    readonly model: readonly number[];
    readonly given: readonly number[];
  }[];
}

/**
 * Lets a model start from given weights instead of its initialisers, by name: `const body = loadWeights(model, readWeights(path), { strict: false })`.
 * To be called where the model is made, in a job's `model`.
 *
 * @throws UsageError where `strict` and anything is missing, unexpected or of another shape; all of it is named
 */
export function loadWeights(model: Module, weights: NamedWeights, options: LoadOptions = {}): LoadReport {
  const { strict = true, rename = (name) => name } = options;
  const tensors = new Map(model.namedTensors());
  const given = new Map<string, NamedWeights[string]>();
  const unexpected: string[] = [];
  for (const [name, value] of Object.entries(weights)) {
    const own = rename(name);
    if (own === undefined) continue;
    if (given.has(own)) throw new UsageError(`loadWeights: rename gives the name "${own}" to two tensors.`);
    if (tensors.has(own)) given.set(own, value);
    else unexpected.push(name);
  }
  const loaded: string[] = [];
  const missing: string[] = [];
  const mismatched: LoadReport['mismatched'][number][] = [];
  for (const [name, tensor] of tensors) {
    const value = given.get(name);
    if (value === undefined) {
      missing.push(name);
      continue;
    }
    const shape = tensor.shape as readonly number[];
    const { data, shape: givenShape } = 'data' in value ? value : flat(value, shape);
    if (givenShape.join() === shape.join() && data.length === shape.reduce((n, d) => n * d, 1)) {
      tensor.initializer = copyOf(data);
      loaded.push(name);
    } else mismatched.push({ name, model: shape, given: givenShape });
  }
  const report = { loaded, missing, unexpected, mismatched };
  if (strict && missing.length + unexpected.length + mismatched.length > 0) throw new UsageError(describe(report));
  return report;
}

/** As many values as the shape holds are taken for it. */
const flat = (data: ArrayLike<number>, shape: readonly number[]) => ({
  data,
  shape: data.length === shape.reduce((n, d) => n * d, 1) ? shape : [data.length],
});

const copyOf =
  (data: ArrayLike<number>): Initializer =>
  (values) =>
    values.set(data);

function describe({ missing, unexpected, mismatched }: LoadReport): string {
  const shapes = mismatched.map(
    ({ name, model, given }) => `${name} is [${given.join(', ')}], the model's [${model.join(', ')}]`,
  );
  const parts = [
    missing.length > 0 && `missing ${missing.join(', ')}`,
    unexpected.length > 0 && `unexpected ${unexpected.join(', ')}`,
    shapes.length > 0 && `of another shape: ${shapes.join('; ')}`,
  ].filter((part) => part !== false);
  return `loadWeights: ${parts.join('; ')}. Give { strict: false } to load what fits, or rename.`;
}
