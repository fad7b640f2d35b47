import { Command } from 'commander';
import { evaluateRun } from '../evaluate.ts';
import { numberOption } from './options.ts';
import { readRunFile } from './run-file.ts';

export function evaluateCommand(): Command {
  return new Command('eval')
    .description("the job's evaluation on the weights of a run")
    .argument('<run>', 'a run (its newest checkpoint) or a checkpoint')
    .option('--data <path>', "data instead of the run's")
    .addOption(numberOption('--threads <n>', 'compute threads (default: one per core)', 1, 'LOCKSTEP_THREADS'))
    .option('--json', 'as JSON')
    .option('--debug', 'stacks of errors')
    .action(async (path: string, flags: { data?: string; threads?: number; json?: boolean }) => {
      const { job, overrides } = await readRunFile(path);
      const metrics = await evaluateRun(job, path, {
        ...overrides,
        ...(flags.data !== undefined && { data: flags.data }),
        ...(flags.threads !== undefined && { threads: flags.threads }),
      });
      if (flags.json) console.log(JSON.stringify({ type: 'eval', metrics }));
      else for (const [name, value] of Object.entries(metrics)) console.log(`${name} ${value}`);
    });
}
