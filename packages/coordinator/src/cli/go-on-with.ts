import type { Command } from 'commander';

/** Options that a run's folder does not know: who goes on with the run gives them again. */
const repeated: ReadonlySet<string> = new Set([
  ...['threads', 'memory', 'checkpointEvery', 'listen', 'minWorkers', 'placement', 'lease'],
  ...['certs', 'tokenFile', 'insecure'],
]);

/** The command that goes on with a run as it was begun. What comes from the environment stays there. */
export function goOnWith(job: string, out: string, command: Command): string {
  const again = command.options.flatMap((option) => {
    const name = option.attributeName();
    if (!repeated.has(name) || command.getOptionValueSource(name) !== 'cli') return [];
    const value: unknown = command.getOptionValue(name);
    return value === true ? [`${option.long}`] : [`${option.long} ${quoted(`${value}`)}`];
  });
  return ['lockstep train', quoted(job), '--out', quoted(out), '--resume', ...again].join(' ');
}

/** As a shell takes it. */
const quoted = (path: string): string => (/^[\w./:@=+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`);
