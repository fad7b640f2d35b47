import { UsageError } from '@lockstep/core';
import { Command } from 'commander';
import { readJournal } from '../observe/journal.ts';
import { exitCode } from './exit-code.ts';

export function verifyCommand(): Command {
  return new Command('verify')
    .description('compare two runs step by step; names the first step that differs')
    .argument('<run-a>', 'folder of a run')
    .argument('<run-b>', 'folder of another')
    .option('--debug', 'stacks of errors')
    .action(async (a: string, b: string) => {
      const [first, second] = await Promise.all([journalOf(a), journalOf(b)]);
      const common = [...first.keys()].filter((step) => second.has(step));
      if (common.length === 0) throw new UsageError(`${a} and ${b} have no step in common.`);
      const different = common.find((step) => first.get(step) !== second.get(step));
      if (different !== undefined) {
        console.log(
          `The runs differ from step ${different} on:\n  ${first.get(different)}\n  ${second.get(different)}`,
        );
        process.exitCode = exitCode.failed;
        return;
      }
      const longer =
        first.size === second.size
          ? ''
          : ` (${Math.abs(first.size - second.size)} more in ${first.size > second.size ? a : b})`;
      console.log(`The same: ${common.length} steps with equal digests, losses and schedules${longer}.`);
    });
}

async function journalOf(run: string): Promise<Map<string, string>> {
  const lines = await readJournal(run);
  if (lines.size === 0) throw new UsageError(`${run} has no journal: give the folder of a run.`);
  return lines;
}
