import { Worker } from 'node:worker_threads';
import { DataError, LockstepError, UsageError } from '@lockstep/core';
import type { JobSpec } from '@lockstep/core/internal';
import { compiledKernels, threadOptions } from '@lockstep/worker/local';
import { describeModel, type ModelDescription } from '../checkpoint/encode.ts';
import { modelWeights } from '../checkpoint/state.ts';
import { openCheckpoint } from '../checkpoint/store.ts';
import type { PredictAnswer, PredictData, Prediction } from './messages.ts';
import { type BatchInput, packBatch } from './pack-batch.ts';

/** Trained weights with the Program that applies them. */
export interface LoadedModel extends AsyncDisposable {
  readonly name: string;
  /** Names of the fields that `predict` reads. */
  readonly fields: readonly string[];
  /** Parameters by name, flat. */
  readonly parameters: Readonly<Record<string, Float32Array>>;
  /**
   * Applies the model to rows, in a thread of its own: one array of rows per field.
   *
   * @throws DataError naming the field that does not fit
   */
  predict(batch: BatchInput, options?: PredictOptions): Promise<Readonly<Record<string, Prediction>>>;
  close(): Promise<void>;
}

export interface PredictOptions {
  /** How many, for a model that reads no field and makes its output from noise. */
  readonly rows?: number;
  /** Of the noise that the model draws, if it does; default 0. Row i of a seed always gets the same. */
  readonly seed?: number;
}

/** Opens a checkpoint, or the newest valid one of a run. @throws UsageError or FormatError naming what is wrong */
export async function loadModel(path: string): Promise<LoadedModel> {
  const { model, state } = await openCheckpoint(path);
  return new ThreadedModel(model, modelWeights(state));
}

export async function modelFrom(spec: JobSpec, parameters: Float32Array): Promise<LoadedModel> {
  return new ThreadedModel(describeModel(spec), parameters);
}

const ended = 'The prediction thread has ended.';

class ThreadedModel implements LoadedModel {
  readonly name: string;
  readonly fields: readonly string[];
  readonly parameters: Readonly<Record<string, Float32Array>>;
  readonly #model: ModelDescription;
  readonly #flat: Float32Array;
  readonly #waiting = new Map<
    number,
    { resolve: (outputs: Readonly<Record<string, Prediction>>) => void; reject: (error: Error) => void }
  >();
  #worker: Worker | undefined;
  #nextId = 0;
  #closings = 0;

  constructor(model: ModelDescription, parameters: Float32Array) {
    this.#model = model;
    this.#flat = parameters;
    this.name = model.name;
    this.fields = model.predictFields;
    this.parameters = Object.fromEntries(
      model.layout.entries.map(({ name, offset, size }) => [name, parameters.subarray(offset, offset + size)]),
    );
  }

  async predict(
    batch: BatchInput,
    { rows: asked, seed = 0 }: PredictOptions = {},
  ): Promise<Readonly<Record<string, Prediction>>> {
    if (!this.#model.predict) {
      throw new UsageError(`Job "${this.#model.name}" does not say how to predict: give defineJob a predict function.`);
    }
    const { rows, inputs } = packBatch(this.#model, batch, asked);
    const closings = this.#closings;
    const { module } = await compiledKernels(true);
    if (this.#closings !== closings) throw new LockstepError(ended);
    const worker = this.#thread(module);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
      worker.postMessage({ id, rows, seed, inputs });
    });
  }

  async close(): Promise<void> {
    this.#closings++;
    await this.#worker?.terminate();
    this.#worker = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Started with the first request; a model that is waited for by nobody does not keep the process alive. */
  #thread(kernels: WebAssembly.Module): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(new URL('./predict-thread.js', import.meta.url), {
      name: 'lockstep predict',
      ...threadOptions(),
      workerData: { model: this.#model, parameters: this.#flat, kernels } satisfies PredictData,
    });
    worker.on('message', (answer: PredictAnswer) => {
      const request = this.#waiting.get(answer.id);
      this.#waiting.delete(answer.id);
      if (this.#waiting.size === 0) worker.unref();
      if ('error' in answer) request?.reject(new DataError(answer.error));
      else request?.resolve(answer.outputs);
    });
    const fail = (error: Error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
      this.#worker = undefined;
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(new LockstepError(ended)));
    this.#worker = worker;
    return worker;
  }
}
