import { UsageError } from '../errors.ts';
import type { KernelName } from '../kernels/opcodes.ts';
import type { GroupSpec, OptimizerSpec } from './optimizer-spec.ts';
import { isSchedule, type Schedule } from './schedule.ts';

/** What a group's rule sees of a parameter. */
export interface ParameterInfo {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Which parameters: by name, or by name and shape. */
export type ParameterRule = RegExp | ((parameter: ParameterInfo) => boolean);

export const takes = (rule: ParameterRule, parameter: ParameterInfo): boolean =>
  rule instanceof RegExp ? parameter.name.search(rule) >= 0 : rule(parameter);

/** Parameters that get other options: the first group whose rule matches takes a parameter, the rest have the optimizer's own. */
export type Group<Options> = Partial<Options> & { readonly params: ParameterRule };

/** Options that are left out have PyTorch's defaults. */
export type WithGroups<Options> = Partial<Options> & { readonly groups?: readonly Group<Options>[] };

/** An optimizer as a job states it, before the parameters are known. */
export interface Optimizer {
  /** Assigns parameters to groups: data for the threads, and the learning-rate schedule of each group. */
  resolve(parameters: readonly ParameterInfo[]): { spec: OptimizerSpec; schedules: readonly Schedule[] };
}

/** Where a number may lie; both ends of `betas` lie in the same range. */
export interface Range {
  readonly from?: number;
  readonly above?: number;
  readonly below?: number;
}

export const fraction: Range = { from: 0, below: 1 };
export const notNegative: Range = { from: 0, below: Infinity };
export const positive: Range = { above: 0, below: Infinity };

export interface Rated {
  /** Learning rate: a number, a schedule, or a function of the step (from 0). */
  readonly lr: Schedule;
}

type OwnOption<Options> = Exclude<keyof Options, 'lr'> & string;

/** One kind of optimizer: everything that is not common to all. */
export interface UpdateRule<Options extends Rated> {
  /** As users call it: optim.<name>. */
  readonly name: string;
  readonly kernel: KernelName;
  readonly defaults: Options;
  /** Of every option that is a number, or a pair of them. */
  readonly ranges: {
    readonly [Option in OwnOption<Options> as Options[Option] extends boolean ? never : Option]: Range;
  };
  /** Options that do not go together, in words. */
  readonly conflict?: (options: Options) => string | undefined;
  /** The kernel's vectors in its order, and which options need them. */
  readonly vectors: Readonly<Record<string, (options: Options) => boolean>>;
  /** Default: no bias to correct. */
  readonly rates?: (options: Options) => readonly [number, number];
  /** What the kernel reads behind the common words of its block, in its order. */
  readonly numbers: (options: Options) => readonly number[];
}

/** @throws UsageError naming the option that is unknown, of the wrong kind or out of range */
export function optimizerFrom<Options extends Rated>(
  rule: UpdateRule<Options>,
  { groups = [], ...own }: WithGroups<Options>,
): Optimizer {
  const rest = { ...rule.defaults, ...given(own) } as Options;
  const all = [...groups.map(({ params, ...other }) => ({ ...rest, ...given(other) }) as Options), rest];
  for (const options of all) check(rule, options);
  return {
    resolve(parameters) {
      const members = membersOf(parameters, groups);
      const used = all.flatMap((options, g) => {
        const names = members[g] as readonly string[];
        return names.length > 0 ? [{ options, names }] : [];
      });
      const specs = used.map(
        ({ options, names }): GroupSpec => ({
          parameters: names,
          rates: rule.rates?.(options) ?? [1, 1],
          options: rule.numbers(options),
          vectors: Object.keys(rule.vectors).filter((name) => rule.vectors[name]?.(options)),
        }),
      );
      return {
        spec: { kernel: rule.kernel, vectors: Object.keys(rule.vectors), groups: specs },
        schedules: used.map(({ options }) => options.lr),
      };
    },
  };
}

/** Without those that are there but undefined: they mean the default. */
const given = (options: object) =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));

/** Names of the parameters of each group, those of none last. */
function membersOf(parameters: readonly ParameterInfo[], groups: readonly Group<unknown>[]): string[][] {
  const members: string[][] = [...groups.map(() => []), []];
  for (const parameter of parameters) {
    const found = groups.findIndex(({ params }) => takes(params, parameter));
    members[found < 0 ? groups.length : found]?.push(parameter.name);
  }
  return members;
}

function check<Options extends Rated>(rule: UpdateRule<Options>, options: Options): void {
  const fail = (message: string): never => {
    throw new UsageError(`optim.${rule.name}: ${message}`);
  };
  const known = Object.keys(rule.defaults);
  for (const [option, value] of Object.entries(options)) {
    if (!known.includes(option)) fail(`there is no option "${option}"; it takes ${known.join(', ')} and groups.`);
    if (option === 'lr') {
      if (!isSchedule(value)) fail(`lr ${String(value)} must be a number of at least 0, a schedule, or a function.`);
      continue;
    }
    const standard = (rule.defaults as Record<string, unknown>)[option];
    const range = (rule.ranges as Record<string, Range>)[option];
    const values = Array.isArray(standard) ? (Array.isArray(value) ? value : []) : [value];
    if (Array.isArray(standard) && values.length !== standard.length)
      fail(`${option} must be ${standard.length} numbers.`);
    const kind = range ? 'number' : 'boolean';
    for (const one of values) {
      if (typeof one !== kind) fail(`${option} must be a ${kind}, not ${String(one)}.`);
      if (range && !within(one, range)) {
        fail(`${option} ${one} is out of range; it must be ${inWords(range)}.`);
      }
    }
  }
  const conflict = rule.conflict?.(options);
  if (conflict) fail(conflict);
}

/** As the kernels see it, in single precision: an eps that is lost there would let 0 be divided by 0. */
function within(value: number, { from = -Infinity, above = -Infinity, below = Infinity }: Range): boolean {
  return value >= from && Math.fround(value) > above && Math.fround(value) < below;
}

function inWords({ from, above, below }: Range): string {
  const words = [
    from === undefined ? '' : `at least ${from}`,
    above === undefined ? '' : `above ${above}`,
    below === undefined || below === Infinity ? '' : `below ${below}`,
  ];
  return words.filter(Boolean).join(' and ');
}
