import { type Command, Option } from 'commander';
import type { ClusterOptions } from '../cluster/cluster-options.ts';
import { checkUse } from '../cluster/option-use.ts';
import { decimalOption, numberOption } from './options.ts';
import { resumedOptions, type Updates } from './updates.ts';

/** Flags of whoever takes part in a cluster. */
export interface SecurityFlags {
  readonly certs?: string;
  readonly tokenFile?: string;
  readonly insecure?: boolean;
}

export interface ClusterFlags extends SecurityFlags {
  readonly listen?: string;
  readonly minWorkers?: number;
  readonly placement?: 'coordinator' | 'workers';
  readonly mode?: 'sync' | 'local' | 'ssp' | 'async';
  readonly localSteps?: number;
  readonly replicas?: number;
  readonly outerLr?: number;
  readonly outerMomentum?: number;
  readonly staleness?: number;
  readonly compress?: string;
  readonly lease?: number;
}

export function addSecurityFlags(command: Command): Command {
  return command
    .addOption(new Option('--certs <dir>', 'folder of certificates, by lockstep certs issue').env('LOCKSTEP_CERTS'))
    .addOption(
      new Option(
        '--token-file <file>',
        'file with the join token; LOCKSTEP_TOKEN is the token itself (default: the one in --certs)',
      ).env('LOCKSTEP_TOKEN_FILE'),
    )
    .option('--insecure', 'listen beyond loopback without certificates or token');
}

export function addClusterFlags(command: Command): Command {
  const options = [
    new Option('--listen <host:port>', 'let workers of other machines join here').env('LOCKSTEP_LISTEN'),
    numberOption('--min-workers <n>', 'workers, this process included, that the first step waits for (default: 1)', 1),
    new Option('--placement <where>', 'who owns the slices of the weights (default: coordinator)').choices([
      'coordinator',
      'workers',
    ]),
    new Option('--mode <mode>', 'how updates are made (default: sync)').choices(['sync', 'local', 'ssp', 'async']),
    numberOption(
      '--local-steps <n>',
      'of mode local: steps of a round; part of the run, like the seed (default: 50)',
      1,
    ),
    numberOption(
      '--replicas <n>',
      'of mode local: replicas, as many as there will be workers; part of the run, like the seed (default: 2)',
      1,
    ),
    decimalOption('--outer-lr <x>', 'of mode local: how far to go along the mean way of the replicas (default: 1)'),
    decimalOption('--outer-momentum <x>', 'of mode local: Nesterov momentum of that (default: 0.8)'),
    numberOption('--staleness <n>', 'of mode ssp: updates that the fastest worker may be ahead (default: 3)', 0),
    new Option(
      '--compress <how>',
      'what workers send, made small: int8, topk:0.01 or powersgd:4; not in mode sync (default: none)',
    ),
    numberOption('--lease <ms>', 'a worker that is silent for so long is lost, in milliseconds (default: 10000)', 100),
  ];
  for (const option of options) command.addOption(option);
  return addSecurityFlags(command);
}

/** Certificates and token that the environment sets for all runs of a machine do not concern those that nobody can join. */
export function concerning<F extends ClusterFlags>(flags: F, command: Command): F {
  if (flags.listen !== undefined) return flags;
  const unasked = (['certs', 'tokenFile'] as const).filter((name) => command.getOptionValueSource(name) === 'env');
  return { ...flags, ...Object.fromEntries(unasked.map((name) => [name, undefined])) };
}

/**
 * Undefined where the flags ask for nothing that one process alone could not do.
 *
 * @param recorded what a run was begun with that is gone on with
 * @throws UsageError naming an option that would be ignored
 */
export function clusterOptionsOf(flags: ClusterFlags, recorded?: Updates): ClusterOptions | undefined {
  const { listen, minWorkers, placement, mode, localSteps, replicas, outerLr, outerMomentum } = flags;
  const { staleness, compress, insecure, lease, certs, tokenFile } = flags;
  const given: ClusterOptions = defined({
    ...{ listen, minWorkers, placement, mode, localSteps, replicas, outerMomentum, staleness, compress, insecure },
    ...{ certs, tokenFile, outerLearningRate: outerLr, leaseMs: lease },
  });
  const options = resumedOptions(given, recorded);
  checkUse(options);
  const alone = listen === undefined && (options.mode ?? 'sync') === 'sync';
  return alone && (compress ?? 'none') === 'none' ? undefined : options;
}

/** Without what is undefined. */
const defined = <T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as ReturnType<
    typeof defined<T>
  >;
