import { optim } from '@lockstep/core';
import type { OptimizerSpec, ParameterLayout } from '@lockstep/core/internal';
import { refuse } from './job-refusal.ts';
import { checkUnique } from './names.ts';

/** The optimizers' own descriptions of themselves, by kernel: so none can be forgotten here. */
const known = new Map(
  [optim.sgd, optim.adamW, optim.rmsprop, optim.adagrad, optim.adadelta, optim.lion].map((make) => {
    const { spec } = make().resolve([{ name: 'any', shape: [1] }]);
    return [spec.kernel as string, { vectors: spec.vectors, options: spec.groups[0]?.options.length ?? 0 }] as const;
  }),
);

/** @returns names of the parameters that it updates @throws JobRefusal */
export function checkOptimizer(spec: OptimizerSpec, layout: ParameterLayout, what: string): readonly string[] {
  const rule = known.get(spec.kernel);
  if (!rule) refuse(`${what}: there is no optimizer ${JSON.stringify(spec.kernel)}`);
  if (spec.vectors.join() !== rule.vectors.join())
    refuse(`${what}: ${spec.kernel} keeps the vectors ${rule.vectors.join(', ')}`);
  if (spec.groups.length === 0) refuse(`${what}: the optimizer has no parameters`);
  const trained = new Set(layout.entries.filter(({ offset }) => offset < layout.trained).map(({ name }) => name));
  const all = spec.groups.flatMap((group) => group.parameters);
  checkUnique(all, `${what}: a parameter of the optimizer`);
  for (const name of all) if (!trained.has(name)) refuse(`${what}: "${name}" is no parameter that is trained`);
  for (const { rates, options, vectors, parameters } of spec.groups) {
    if (parameters.length === 0) refuse(`${what}: a group of the optimizer has no parameters`);
    if (options.length !== rule.options || !options.every(Number.isFinite))
      refuse(`${what}: ${spec.kernel} takes ${rule.options} finite options`);
    if (!rates.every((rate) => rate >= 0 && rate <= 1))
      refuse(`${what}: the rates ${rates.join(', ')} are not from 0 to 1`);
    if (vectors.some((name, i) => !rule.vectors.includes(name) || vectors.indexOf(name) !== i))
      refuse(`${what}: a group keeps vectors that ${spec.kernel} does not`);
  }
  return all;
}
