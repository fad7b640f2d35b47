import { access, constants, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '@lockstep/core';
import type { ParameterLayout, TracedJob } from '@lockstep/core/internal';
import type { Reduction, TrainingState } from '@lockstep/worker/local';
import { emaVector } from '@lockstep/worker/local';
import type { RunEvent } from '../observe/events.ts';
import { Journal, journalName } from '../observe/journal.ts';
import { Fence } from '../storage/fence.ts';
import { FencedFileSystem } from '../storage/fenced-file-system.ts';
import { type FileSystem, nodeFileSystem } from '../storage/file-system.ts';
import { describeModel, files, vectorFrom } from './encode.ts';
import { identityOf } from './identity.ts';
import { modelWeights, type Strategy } from './state.ts';
import { CheckpointStore, openCheckpoint } from './store.ts';

export interface OpenRequest {
  readonly out: string | null;
  readonly resume: boolean;
  readonly initialWeights: string | null;
  readonly reduce: Reduction;
  /** See `identityOf`. */
  readonly strategy?: Strategy;
  /** Whether steps come out the same when they are computed again; default true. */
  readonly reproducible?: boolean;
}

export interface OpenedRun {
  readonly state: TrainingState;
  readonly store: CheckpointStore | null;
  readonly journal: Journal | null;
  /** Who may write to the folder; null where there is none. Its incarnation is the upper half of a cluster's terms. */
  readonly fence: Fence | null;
}

/** Finds out where a run starts: fresh, from given weights, or from its newest checkpoint. Refuses before anything is overwritten. */
export async function openRun(
  traced: TracedJob,
  request: OpenRequest,
  emit: (event: RunEvent) => void,
  disk: FileSystem = nodeFileSystem,
): Promise<OpenedRun> {
  const { spec } = traced;
  const parameters = request.initialWeights
    ? await readWeights(request.initialWeights, spec.layout)
    : traced.initialParameters;
  const fresh: TrainingState = { step: 0, parameters, optimizer: {}, counters: {} };
  const { out } = request;
  if (out === null) {
    if (request.resume) throw new UsageError('To resume, name the folder of the run with --out.');
    return { state: fresh, store: null, journal: null, fence: null };
  }
  await makeWritable(out, disk);
  if (!request.resume) {
    const taken = (await disk.list(out)).find((name) => name === journalName || name.startsWith('step-'));
    if (taken)
      throw new UsageError(`${out} already holds a run (${taken}): go on with --resume, or choose another --out.`);
  }
  const fence = new Fence(out, disk);
  const fs = new FencedFileSystem(disk, fence);
  const store = new CheckpointStore(
    out,
    identityOf(traced, request.reduce, request.strategy),
    describeModel(spec),
    spec.keep,
    fs,
    fence.id,
  );
  const loaded = request.resume ? await store.loadNewest() : null;
  await fence.raise();
  for (const { path, reason } of loaded?.rejected ?? []) {
    emit({ type: 'warning', message: `${path} is left out: ${reason}` });
  }
  if (request.resume && !loaded)
    emit({ type: 'warning', message: `${out} has no checkpoint; the run starts at step 0.` });
  const state = loaded?.state ?? fresh;
  const alarm = (message: string) => emit({ type: 'warning', message });
  // Also without a checkpoint: steps that the journal holds are compared, as its run may be another.
  return {
    state,
    store,
    journal: await Journal.open(out, { alarm, fs, fromStep: state.step, forgetful: request.reproducible === false }),
    fence,
  };
}

async function makeWritable(out: string, disk: FileSystem): Promise<void> {
  try {
    await disk.makeDirectory(out);
    if (disk === nodeFileSystem) await access(out, constants.W_OK);
  } catch (error) {
    throw new UsageError(
      `The folder ${out} cannot be written to (${(error as NodeJS.ErrnoException).code}): choose another --out.`,
    );
  }
}

/**
 * Weights by name from a .safetensors file, a checkpoint or a run (their moving average where it keeps one), in the order of `layout`. A
 * checkpoint is verified first.
 *
 * @throws FormatError or UsageError naming the file
 */
export async function readWeights(path: string, layout: ParameterLayout): Promise<Float32Array> {
  const code = (error: unknown) => (error as NodeJS.ErrnoException).code;
  const unreadable = (error: unknown) => new UsageError(`The weights ${path} cannot be read (${code(error)}).`);
  const info = await stat(path).catch((error: unknown) => Promise.reject(unreadable(error)));
  const read = (file: string) => readFile(file).catch((error: unknown) => Promise.reject(unreadable(error)));
  if (!info.isDirectory()) return vectorFrom(await read(path), layout, '', path);
  const { path: checkpoint, state } = await openCheckpoint(path);
  const averaged = modelWeights(state) !== state.parameters;
  const file = join(checkpoint, averaged ? files.optimizer : files.weights);
  return vectorFrom(await read(file), layout, averaged ? `${emaVector}.` : '', file);
}
