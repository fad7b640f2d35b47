import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { LockstepError, UsageError } from '@lockstep/core';
import type { TraceOverrides } from '@lockstep/core/internal';
import type { Command } from 'commander';
import { chromeTrace } from '../observe/profile.ts';
import { type TrainOptions, train } from '../train.ts';
import { clusterOptionsOf, concerning } from './cluster-flags.ts';
import { exitCode } from './exit-code.ts';
import { goOnWith } from './go-on-with.ts';
import { interruptible } from './interrupt.ts';
import type { Meeting } from './meeting.ts';
import { reporterFor } from './reporter-for.ts';
import { findRunFile, writeRunFile } from './run-file.ts';
import { freeFolder } from './run-folder.ts';
import { spaciousHeap } from './spacious-heap.ts';
import type { TrainFlags } from './train-flags.ts';
import { updatesOf } from './updates.ts';

/** `lockstep train`, from the flags to the exit code. */
export async function runTrain(job: string, given: TrainFlags, command: Command): Promise<void> {
  const flags = concerning(given, command);
  if (flags.resume && !flags.out)
    throw new UsageError('--resume needs --out with the folder of the run to go on with.');
  const out = flags.out ?? freeFolder(job);
  const recorded = flags.resume ? await findRunFile(out) : undefined;
  const overrides = overridesOf(flags, recorded?.overrides);
  const reduce = flags.reduce ?? recorded?.reduce ?? 'f32';
  const cluster = clusterOptionsOf(flags, recorded?.updates);
  const updates = cluster && updatesOf(cluster);
  if (flags.listen !== undefined) spaciousHeap();
  const reporter = reporterFor(flags.json === true, meetingOf(flags));
  const interrupt = interruptible(goOnWith(job, out, command), (text) => reporter.say(text));
  await using run = train(job, {
    ...trainOptions(flags, cluster),
    ...{ ...overrides, reduce, out, signal: interrupt.signal },
  });
  try {
    let savedStep = -1;
    for await (const event of run) {
      // Only a run that has really started leaves its card in the folder.
      if (event.type === 'start')
        await writeRunFile(out, {
          ...{ job: resolve(job), name: event.job, overrides },
          ...(reduce !== 'f32' && { reduce }),
          ...(updates && { updates }),
        });
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
const meetingOf = ({ certs, tokenFile, minWorkers }: TrainFlags): Meeting => ({
  certs: certs !== undefined,
  token: tokenFile !== undefined || (certs === undefined && !!process.env.LOCKSTEP_TOKEN),
  ...(minWorkers !== undefined && { minWorkers }),
});

/** What makes the run; `--resume` goes on with what it was started with, flags win. */
function overridesOf({ seed, shards, steps, epochs, data }: TrainFlags, recorded: TraceOverrides = {}): TraceOverrides {
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

function trainOptions(flags: TrainFlags, cluster: TrainOptions['cluster']): TrainOptions {
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
