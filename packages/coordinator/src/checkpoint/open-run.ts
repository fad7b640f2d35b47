import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FormatError, UsageError } from '@lockstep/core';
import type { ParameterLayout, TracedJob } from '@lockstep/core/internal';
import type { RunEvent } from '../observe/events.ts';
import { Journal, journalName } from '../observe/journal.ts';
import { describeModel, files, vectorFrom } from './encode.ts';
import { identityOf } from './identity.ts';
import type { TrainingState } from './state.ts';
import { CheckpointStore, loadNewest } from './store.ts';

export interface OpenRequest {
  readonly out: string | null;
  readonly resume: boolean;
  readonly initialWeights: string | null;
}

export interface OpenedRun {
  readonly state: TrainingState;
  readonly store: CheckpointStore | null;
  readonly journal: Journal | null;
}

/** Finds out where a run starts: fresh, from given weights, or from its newest checkpoint. Refuses before anything is overwritten. */
export async function openRun(
  traced: TracedJob,
  request: OpenRequest,
  emit: (event: RunEvent) => void,
): Promise<OpenedRun> {
  const { spec } = traced;
  const parameters = request.initialWeights
    ? await readWeights(request.initialWeights, spec.layout)
    : traced.initialParameters;
  const fresh: TrainingState = { step: 0, parameters, optimizer: {}, counters: {} };
  const { out } = request;
  if (out === null) {
    if (request.resume) throw new UsageError('To resume, name the folder of the run with --out.');
    return { state: fresh, store: null, journal: null };
  }
  await mkdir(out, { recursive: true });
  const store = new CheckpointStore(out, identityOf(traced), describeModel(spec), spec.keep);
  if (!request.resume) {
    const taken = (await readdir(out)).find((name) => name === journalName || name.startsWith('step-'));
    if (taken)
      throw new UsageError(`${out} already holds a run (${taken}): go on with --resume, or choose another --out.`);
    return { state: fresh, store, journal: await Journal.open(out, { resumeAt: 0 }) };
  }
  const loaded = await store.loadNewest();
  for (const { path, reason } of loaded?.rejected ?? []) {
    emit({ type: 'warning', message: `${path} is left out: ${reason}` });
  }
  if (!loaded) {
    emit({ type: 'warning', message: `${out} has no checkpoint; the run starts at step 0.` });
    return { state: fresh, store, journal: await Journal.open(out, { resumeAt: 0 }) };
  }
  return { state: loaded.state, store, journal: await Journal.open(out, { resumeAt: loaded.state.step }) };
}

/** Weights from a .safetensors file, a checkpoint or a run. @throws FormatError or UsageError naming the file */
export async function readWeights(path: string, layout: ParameterLayout): Promise<Float32Array> {
  let file = path;
  try {
    if ((await stat(path)).isDirectory()) {
      const names = await readdir(path);
      if (names.includes(files.weights)) file = join(path, files.weights);
      else {
        const newest = await loadNewest(path);
        if (!newest) throw new FormatError(`${path} holds no checkpoint.`);
        return newest.state.parameters;
      }
    }
    return vectorFrom(await readFile(file), layout, '', file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'EACCES') throw new UsageError(`The weights ${path} cannot be read (${code}).`);
    throw error;
  }
}
