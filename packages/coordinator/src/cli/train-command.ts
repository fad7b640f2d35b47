import { Command, Option } from 'commander';
import { addClusterFlags } from './cluster-flags.ts';
import { numberOption, onOff } from './options.ts';
import { runTrain } from './run-train.ts';

export function trainCommand(): Command {
  const command = new Command('train')
    .description('train a job on all cores of this machine, and on workers of others')
    .argument('<job>', 'file whose default export is defineJob({ ... })')
    .addOption(
      numberOption(
        '--threads <n>',
        'compute threads (default: one per core; with --listen also 0); no bit depends on it',
        0,
        'LOCKSTEP_THREADS',
      ),
    )
    .addOption(
      numberOption('--steps <n>', "length of the run in steps (default: the job's)", 1, 'LOCKSTEP_STEPS').conflicts(
        'epochs',
      ),
    )
    .addOption(
      numberOption(
        '--epochs <n>',
        "length of the run in passes over the data (default: the job's)",
        1,
        'LOCKSTEP_EPOCHS',
      ),
    )
    .addOption(
      numberOption(
        '--seed <n>',
        "seed of initial weights, data order and dropout (default: the job's)",
        0,
        'LOCKSTEP_SEED',
      ),
    )
    .addOption(
      numberOption(
        '--shards <n>',
        "shards of a batch: part of the run, like the seed (default: the job's)",
        1,
        'LOCKSTEP_SHARDS',
      ),
    )
    .addOption(
      new Option(
        '--reduce <f32|bf16>',
        "how shards' gradients are added: part of the run, like the seed (default: f32)",
      )
        .choices(['f32', 'bf16'])
        .env('LOCKSTEP_REDUCE'),
    )
    .addOption(new Option('--data <path>', "data instead of the job's own").env('LOCKSTEP_DATA'))
    .addOption(new Option('--out <dir>', 'folder of the run (default: runs/<job>, numbered)').env('LOCKSTEP_OUT'))
    .option('--resume', 'go on from the newest valid checkpoint in --out')
    .addOption(
      numberOption('--checkpoint-every <n>', 'steps between checkpoints (default: every 30 s and at epochs)', 1),
    )
    .option('--weights <path>', 'start from a checkpoint, a run or a .safetensors file')
    .addOption(
      numberOption(
        '--memory <mib>',
        "most memory the run may share, in MiB (default: 80 % of the machine's, at most 4096)",
        1,
        'LOCKSTEP_MEMORY',
      ),
    )
    .option('--profile <file>', 'write where the time of each step went, as a trace for chrome://tracing or Perfetto')
    .option('--json', 'one JSON object per event on stdout')
    .option('--debug', 'stacks of errors')
    .addOption(numberOption('--stop-at <n>', 'end after so many steps, as if interrupted', 1).hideHelp())
    .addOption(onOff('--merge-shards <on|off>', 'several shards through the kernels as one batch').hideHelp())
    .addOption(onOff('--widen <on|off>', 'let V8 widen the vectors of the kernels').hideHelp());
  return addClusterFlags(command).action(runTrain);
}
