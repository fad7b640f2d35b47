import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LockstepError, UsageError } from '@lockstep/core';
import type { TraceOverrides } from '@lockstep/core/internal';
import type { Reduction } from '@lockstep/worker';
import { Command, Option } from 'commander';
import { chromeTrace } from '../observe/profile.ts';
import { type TrainOptions, train } from '../train.ts';
import { addClusterFlags, type ClusterFlags, clusterOptionsOf } from './cluster-flags.ts';
import { exitCode } from './exit-code.ts';
import { interruptible } from './interrupt.ts';
import type { Meeting } from './meeting.ts';
import { numberOption, onOff } from './options.ts';
import { reporterFor } from './reporter-for.ts';
import { findRunFile, writeRunFile } from './run-file.ts';
import { freeFolder } from './run-folder.ts';
import { spaciousHeap } from './spacious-heap.ts';

interface Flags extends ClusterFlags {
  readonly threads?: number;
  readonly steps?: number;
  readonly epochs?: number;
  readonly seed?: number;
  readonly shards?: number;
  readonly data?: string;
  readonly out?: string;
  readonly resume?: boolean;
  readonly checkpointEvery?: number;
  readonly weights?: string;
  readonly memory?: number;
  readonly reduce?: Reduction;
  readonly stopAt?: number;
  readonly mergeShards: 'on' | 'off';
  readonly widen: 'on' | 'off';
  readonly profile?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

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
    .addOption(numberOption('--steps <n>', 'length of the run in steps', 1, 'LOCKSTEP_STEPS').conflicts('epochs'))
    .addOption(numberOption('--epochs <n>', 'length of the run in passes over the data', 1, 'LOCKSTEP_EPOCHS'))
    .addOption(numberOption('--seed <n>', 'seed of initial weights, data order and dropout', 0, 'LOCKSTEP_SEED'))
    .addOption(numberOption('--shards <n>', 'shards of a batch: part of the run, like the seed', 1, 'LOCKSTEP_SHARDS'))
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
    .addOption(numberOption('--memory <mib>', 'most memory the run may share, in MiB', 1, 'LOCKSTEP_MEMORY'))
    .option('--profile <file>', 'write where the time of each step went, as a trace for chrome://tracing or Perfetto')
    .option('--json', 'one JSON object per event on stdout')
    .option('--debug', 'stacks of errors')
    .addOption(numberOption('--stop-at <n>', 'end after so many steps, as if interrupted', 1).hideHelp())
    .addOption(onOff('--merge-shards <on|off>', 'several shards through the kernels as one batch').hideHelp())
    .addOption(onOff('--widen <on|off>', 'let V8 widen the vectors of the kernels').hideHelp());
  return addClusterFlags(command).action(runTrain);
}

async function runTrain(job: string, flags: Flags, command: Command): Promise<void> {
  if (flags.resume && !flags.out)
    throw new UsageError('--resume needs --out with the folder of the run to go on with.');
  const out = flags.out ?? freeFolder(job);
  const recorded = flags.resume ? await findRunFile(out) : undefined;
  const overrides = overridesOf(flags, recorded?.overrides);
  const reduce = flags.reduce ?? recorded?.reduce ?? 'f32';
  const cluster = clusterOptionsOf(flags, (name) => command.getOptionValueSource(name) === 'env');
  if (flags.listen !== undefined) spaciousHeap();
  const reporter = reporterFor(flags.json === true, meetingOf(flags));
  const interrupt = interruptible(out, job, (text) => reporter.say(text));
  await using run = train(job, {
    ...trainOptions(flags, cluster),
    ...{ ...overrides, reduce, out, signal: interrupt.signal },
  });
  try {
    let savedStep = -1;
    for await (const event of run) {
      // Only a run that has really started leaves its card in the folder.
      if (event.type === 'start')
        await writeRunFile(out, { job: resolve(job), name: event.job, overrides, ...(reduce !== 'f32' && { reduce }) });
      if (event.type === 'checkpoint') savedStep = event.step;
      reporter.event(event);
    }
    const result = await run.done;
    await result.model.close();
    reporter.end(result, out);
    if (flags.profile) await writeFile(flags.profile, chromeTrace(result.profiles));
    if (savedStep !== result.steps) {
      throw new LockstepError(
        `The weights of step ${result.steps} could not be written to ${out}: make room there and go on with --resume.`,
      );
    }
    if (interrupt.signal.aborted && result.interrupted) process.exitCode = exitCode.interrupted;
  } finally {
    interrupt.dispose();
    reporter.close();
  }
}

/** What workers need to join, as far as the flags say it. */
const meetingOf = ({ certs, tokenFile, minWorkers }: Flags): Meeting => ({
  certs: certs !== undefined,
  token: tokenFile !== undefined || (certs === undefined && !!process.env.LOCKSTEP_TOKEN),
  ...(minWorkers !== undefined && { minWorkers }),
});

/** What makes the run; `--resume` goes on with what it was started with, flags win. */
function overridesOf({ seed, shards, steps, epochs, data }: Flags, recorded: TraceOverrides = {}): TraceOverrides {
  const given = withoutUndefined({
    seed,
    shards,
    steps,
    epochs,
    data: data === undefined ? undefined : resolve(data),
  });
  const { steps: _steps, epochs: _epochs, ...rest } = recorded;
  // The length is one thing with two names.
  return { ...(steps === undefined && epochs === undefined ? recorded : rest), ...given };
}

function trainOptions(flags: Flags, cluster: TrainOptions['cluster']): TrainOptions {
  const { threads, resume, checkpointEvery, weights, memory, stopAt, profile } = flags;
  return withoutUndefined({
    threads,
    resume,
    checkpointEvery,
    initialWeights: weights,
    memoryLimitBytes: memory === undefined ? undefined : memory * 2 ** 20,
    stopAtStep: stopAt,
    profile: profile !== undefined,
    cluster,
    mergeShards: flags.mergeShards === 'on',
    widen: flags.widen === 'on',
  });
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

const withoutUndefined = <T extends object>(options: T): Defined<T> =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Defined<T>;
