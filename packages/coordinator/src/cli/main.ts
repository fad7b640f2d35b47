import { LockstepError, UsageError, version } from '@lockstep/core';
import { Command, CommanderError } from 'commander';
import { allCommands } from './commands.ts';
import { exitCode } from './exit-code.ts';

/** Runs one command; sets the exit code and never throws. */
export async function main(args: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', ignoreClosedPipe);
  const program = new Command('lockstep')
    .description(
      'Distributed training of neural networks: the same weights, bit for bit, for any number of threads and workers.',
    )
    .version(version)
    .configureHelp({ showGlobalOptions: true })
    .exitOverride();
  for (const command of allCommands()) program.addCommand(command.exitOverride());
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      // Commander has said it already; help and version are no failures.
      process.exitCode = error.exitCode === 0 ? exitCode.done : exitCode.usage;
      return;
    }
    report(error, args.includes('--debug'));
  }
}

/** A reader that has seen enough (`| head`) is no failure; commands with much to say look whether stdout is still there. */
function ignoreClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

/** One clear sentence; a stack only where it was asked for, or where the error is not one of ours. */
function report(error: unknown, debug: boolean): void {
  const expected = error instanceof LockstepError;
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (debug) console.error(stack);
  else if (expected) console.error(`lockstep: ${message}`);
  else console.error(`lockstep: unexpected error: ${message} (run again with --debug for the stack)`);
  process.exitCode = error instanceof UsageError ? exitCode.usage : exitCode.failed;
}
