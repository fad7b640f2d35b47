import { UsageError } from '@lockstep/core';
import type { Mode } from '../observe/promise.ts';
import type { ClusterOptions } from './cluster-options.ts';

/** Options without a use where nobody can join, with their flags. */
const forWorkers = {
  placement: '--placement',
  certs: '--certs',
  tokenFile: '--token-file',
  insecure: '--insecure',
  leaseMs: '--lease',
} as const;

/** Options of one mode only, with their flags. */
const ofMode: readonly { readonly name: keyof ClusterOptions; readonly flag: string; readonly mode: Mode }[] = [
  { name: 'localSteps', flag: '--local-steps', mode: 'local' },
  { name: 'replicas', flag: '--replicas', mode: 'local' },
  { name: 'outerLearningRate', flag: '--outer-lr', mode: 'local' },
  { name: 'outerMomentum', flag: '--outer-momentum', mode: 'local' },
  { name: 'staleness', flag: '--staleness', mode: 'ssp' },
];

/**
 * Refuses what would be ignored, or waited for without an end.
 *
 * @throws UsageError naming the option and what it needs
 */
export function checkUse(options: ClusterOptions): void {
  const { listen, mode = 'sync', minWorkers = 1 } = options;
  if (listen === undefined) {
    if (minWorkers > 1)
      throw new UsageError(
        `--min-workers ${minWorkers} would wait for ever, since no worker can join: add --listen HOST:PORT, or leave it out.`,
      );
    for (const [name, flag] of Object.entries(forWorkers)) {
      const value = options[name as keyof typeof forWorkers];
      if (value !== undefined && value !== false)
        throw new UsageError(`${flag} is for runs that workers can join: add --listen HOST:PORT, or leave it out.`);
    }
  }
  for (const { name, flag, mode: its } of ofMode) {
    if (options[name] !== undefined && mode !== its)
      throw new UsageError(`${flag} is for mode ${its}, and this is mode ${mode}: add --mode ${its}, or leave it out.`);
  }
}
