import { availableParallelism, totalmem } from 'node:os';
import { type AnyJob, UsageError } from '@lockstep/core';
import { type TraceOverrides, traceJob } from '@lockstep/core/internal';
import { compiledKernels, type Reduction, type ThreadFaults, type ThreadProfile } from '@lockstep/worker/local';
import type { ClusterOptions } from './cluster/cluster-options.ts';
import { clusterRequest } from './cluster/to-request.ts';
import { EngineHandle } from './engine/engine-handle.ts';
import { EventQueue } from './engine/event-queue.ts';
import type { EngineResult } from './engine/request.ts';
import type { RunEvent } from './observe/events.ts';
import { type LoadedModel, modelFrom } from './predict/load-model.ts';

export interface TrainOptions extends TraceOverrides {
  /** Compute threads; default: one per available core. Changes the speed and no bit. */
  readonly threads?: number;
  /** Folder for checkpoints and journal; default: none are written. */
  readonly out?: string | null;
  /** Go on from the newest valid checkpoint in `out`. */
  readonly resume?: boolean;
  /** Start from these weights: a checkpoint, a run, or a .safetensors file. */
  readonly initialWeights?: string;
  /** Most bytes of shared memory; default: 80 % of the machine's, at most 4 GiB. */
  readonly memoryLimitBytes?: number;
  /** Several shards through the kernels as one batch; default true. Changes the speed and no bit. */
  readonly mergeShards?: boolean;
  /** Let V8 widen the kernels' vectors where it can; default true. Changes the speed and no bit. */
  readonly widen?: boolean;
  /**
   * How shards' gradients are added: as they are (default), or rounded to bfloat16 at each node of the tree, which gives other bits, and half the
   * bytes between workers. Part of the run, like the seed.
   */
  readonly reduce?: Reduction;
  /** End after so many steps as if interrupted. */
  readonly stopAtStep?: number;
  /** No training: only the evaluation on the test split. */
  readonly evaluateOnly?: boolean;
  /** For tests: measure the compute threads' heaps from this step on. */
  readonly heapProbeAt?: number;
  /** Workers of other machines that take part; default: only the threads of this process do. */
  readonly cluster?: ClusterOptions;
  /** For benchmarks of what they cost: no events of steps. */
  readonly quiet?: boolean;
  /** For tests: compute threads that die. */
  readonly threadFaults?: ThreadFaults;
  /** Time every instruction of the compute threads: `profiles` of the result. */
  readonly profile?: boolean;
  /** Aborting ends the run at a step boundary, with a checkpoint; `done` resolves with `interrupted`. */
  readonly signal?: AbortSignal;
}

export interface TrainResult {
  /** SHA-256 over all parameters' bytes in layout order, the same on every platform. */
  readonly digest: string;
  /** Of the last step. */
  readonly loss: number;
  readonly steps: number;
  readonly seconds: number;
  readonly interrupted: boolean;
  /** Of the last evaluation on the test split; empty where there is none. */
  readonly metrics: Readonly<Record<string, number>>;
  readonly model: LoadedModel;
  /** Uncollected growth of each compute thread's heap since `heapProbeAt`; 0 without it. */
  readonly threadHeapGrowthBytes: readonly number[];
  /** Where each compute thread's time went; empty without `profile`. */
  readonly profiles: readonly ThreadProfile[];
}

/** A training in progress: iterate over its events, or just await `done`. */
export interface Run extends AsyncIterable<RunEvent>, AsyncDisposable {
  /** Its failure is also thrown to whoever iterates, and never an unhandled rejection. */
  readonly done: Promise<TrainResult>;
  /** Ends at the next step boundary, with a checkpoint. */
  stop(): void;
}

/**
 * Trains a job on threads of this process, away from the caller's event loop.
 *
 * @param job from `defineJob`, or the path of a file whose default export is one (the engine then imports it itself)
 */
export function train(job: AnyJob | string, options: TrainOptions = {}): Run {
  const queue = new EventQueue();
  const stop = new AbortController();
  const done = start(job, options, queue, stop.signal);
  done.then(
    () => queue.end(),
    (error: unknown) => queue.end(error),
  );
  return {
    done,
    stop: () => stop.abort(),
    [Symbol.asyncIterator]: () => ({ next: () => queue.next() }),
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done.catch(() => undefined);
    },
  };
}

async function start(
  job: AnyJob | string,
  options: TrainOptions,
  queue: EventQueue,
  stop: AbortSignal,
): Promise<TrainResult> {
  const { threads = availableParallelism(), seed, shards, steps, epochs, data, checkpointEvery } = options;
  const fewest = options.cluster?.listen ? 0 : 1;
  if (!Number.isInteger(threads) || threads < fewest || threads > 1024) {
    const alone = threads === 0 ? ': without --listen HOST:PORT nobody else computes' : '';
    throw new UsageError(`threads must be a whole number from ${fewest} to 1024, not ${threads}${alone}.`);
  }
  const overrides = Object.fromEntries(
    Object.entries({ seed, shards, steps, epochs, data, checkpointEvery }).filter(([, value]) => value !== undefined),
  ) as TraceOverrides;
  const kernels = compiledKernels(options.widen ?? true);
  kernels.catch(() => undefined);
  // Its thread loads what it needs while the job is traced.
  const engine = new EngineHandle({
    threads: options.cluster ? 0 : threads,
    heapLimitMb: options.threadFaults?.heapLimitMb,
  });
  const signal = options.signal ? AbortSignal.any([options.signal, stop]) : stop;
  const onAbort = () => engine.stop();
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    const compiled = await Promise.race([kernels, undefined]);
    const traced = typeof job === 'string' ? undefined : await traceJob(job, overrides, compiled?.module);
    const result = await engine.run(
      {
        job: traced ? { spec: traced.spec, initialParameters: traced.initialParameters } : { path: job as string },
        overrides,
        threads,
        out: options.out ?? null,
        resume: options.resume ?? false,
        initialWeights: options.initialWeights ?? null,
        memoryLimitBytes: options.memoryLimitBytes ?? Math.floor(totalmem() * 0.8),
        mergeShards: options.mergeShards ?? true,
        reduce: options.reduce ?? 'f32',
        kernels: await kernels,
        stopAtStep: options.stopAtStep ?? null,
        heapProbeAt: options.heapProbeAt ?? null,
        quiet: options.quiet ?? false,
        profile: options.profile ?? false,
        evaluateOnly: options.evaluateOnly ?? false,
        cluster: options.cluster ? clusterRequest(options.cluster) : null,
        threadFaults: options.threadFaults ?? null,
      },
      traced?.host,
      (event) => queue.push(event),
    );
    return await toResult(result);
  } finally {
    signal.removeEventListener('abort', onAbort);
    await engine.close();
  }
}

async function toResult({ spec, parameters, ...rest }: EngineResult): Promise<TrainResult> {
  return { ...rest, model: await modelFrom(spec, parameters) };
}
