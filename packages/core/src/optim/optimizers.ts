import { UsageError } from '../errors.ts';
import type { AdamGroup, OptimizerSpec, SgdGroup } from './optimizer-spec.ts';
import type { Schedule } from './schedules.ts';

/** What a group's rule sees of a parameter. */
export interface ParameterInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Which parameters: by name, or by name and shape. */
export type ParameterRule = RegExp | ((parameter: ParameterInfo) => boolean);

export const takes = (rule: ParameterRule, parameter: ParameterInfo): boolean =>
  rule instanceof RegExp ? rule.test(parameter.name) : rule(parameter);

/** Parameters that get other options: the first group whose rule matches takes a parameter, the rest have the optimizer's own. */
export type Group<Options> = Partial<Options> & { readonly params: ParameterRule };

export interface SgdOptions {
  /** Learning rate: a number, a schedule, or a function of the step (from 0). */
  readonly lr: Schedule;
  readonly momentum: number;
  readonly dampening: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

export interface AdamOptions {
  readonly lr: Schedule;
  readonly betas: readonly [number, number];
  readonly eps: number;
  readonly weightDecay: number;
}

type Groups<Options> = { readonly groups?: readonly Group<Options>[] };

/** An optimizer as a job states it, before the parameters are known. */
export interface Optimizer {
  /** Assigns parameters to groups: data for the threads, and the learning-rate schedule of each group. */
  resolve(parameters: readonly ParameterInfo[]): { spec: OptimizerSpec; schedules: readonly Schedule[] };
}

/** Stochastic gradient descent as `torch.optim.SGD`. */
export function sgd(options: Partial<SgdOptions> & Pick<SgdOptions, 'lr'> & Groups<SgdOptions>): Optimizer {
  const defaults = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, ...options };
  const toGroup = (merged: SgdOptions, parameters: readonly string[]): SgdGroup => {
    requireRange('sgd', 'momentum', merged.momentum, 0, 1);
    requireRange('sgd', 'weightDecay', merged.weightDecay, 0, Number.POSITIVE_INFINITY);
    if (merged.nesterov && (merged.momentum <= 0 || merged.dampening !== 0)) {
      throw new UsageError('optim.sgd: nesterov needs a momentum above 0 and no dampening.');
    }
    const { momentum, dampening, weightDecay, nesterov } = merged;
    return { parameters, momentum, dampening, weightDecay, nesterov };
  };
  return {
    resolve(parameters) {
      const { groups, schedules } = assign(parameters, defaults, options.groups ?? [], toGroup);
      return { spec: { kind: 'sgd', groups }, schedules };
    },
  };
}

/** Adam with decoupled weight decay as `torch.optim.AdamW` (Loshchilov and Hutter 2019). */
export const adamW = (options: Partial<AdamOptions> & Pick<AdamOptions, 'lr'> & Groups<AdamOptions>): Optimizer =>
  adamLike('adamw', { weightDecay: 0.01, ...options });

/** Adam as `torch.optim.Adam` (Kingma and Ba 2015); weight decay is added to the gradient. */
export const adam = (options: Partial<AdamOptions> & Pick<AdamOptions, 'lr'> & Groups<AdamOptions>): Optimizer =>
  adamLike('adam', { weightDecay: 0, ...options });

function adamLike(
  kind: 'adam' | 'adamw',
  options: Partial<AdamOptions> & Pick<AdamOptions, 'lr' | 'weightDecay'> & Groups<AdamOptions>,
): Optimizer {
  const defaults = { betas: [0.9, 0.999] as const, eps: 1e-8, ...options };
  const toGroup = (merged: AdamOptions, parameters: readonly string[]): AdamGroup => {
    const [beta1, beta2] = merged.betas;
    requireRange(kind, 'betas', beta1, 0, 1);
    requireRange(kind, 'betas', beta2, 0, 1);
    requireRange(kind, 'eps', merged.eps, 0, Number.POSITIVE_INFINITY);
    requireRange(kind, 'weightDecay', merged.weightDecay, 0, Number.POSITIVE_INFINITY);
    return { parameters, beta1, beta2, eps: merged.eps, weightDecay: merged.weightDecay };
  };
  return {
    resolve(parameters) {
      const { groups, schedules } = assign(parameters, defaults, options.groups ?? [], toGroup);
      return { spec: { kind, groups }, schedules };
    },
  };
}

function assign<Options extends { lr: Schedule }, Resolved>(
  parameters: readonly ParameterInfo[],
  defaults: Options,
  groups: readonly Group<Options>[],
  toGroup: (options: Options, names: readonly string[]) => Resolved,
): { groups: Resolved[]; schedules: Schedule[] } {
  const members: string[][] = [...groups.map(() => []), []];
  for (const parameter of parameters) {
    const found = groups.findIndex(({ params }) => takes(params, parameter));
    members[found < 0 ? groups.length : found]?.push(parameter.name);
  }
  const merged = [...groups.map((group) => ({ ...defaults, ...group })), defaults];
  const used = merged
    .map((options, i) => ({ options, names: members[i] as string[] }))
    .filter(({ names }) => names.length > 0);
  return {
    groups: used.map(({ options, names }) => toGroup(options, names)),
    schedules: used.map(({ options }) => options.lr),
  };
}

function requireRange(optimizer: string, option: string, value: number, from: number, below: number): void {
  if (!(value >= from && value < below)) {
    throw new UsageError(
      `optim.${optimizer}: ${option} ${value} is out of range; it must be at least ${from} and below ${below}.`,
    );
  }
}
