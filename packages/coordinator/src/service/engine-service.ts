import { isMainThread, parentPort } from 'node:worker_threads';
import { type JobHost, type TracedJob, traceJob } from '@lockstep/core/internal';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { openRun } from '../checkpoint/open-run.ts';
import type { ClusterParts } from '../cluster/cluster-engine.ts';
import { Engine } from '../engine/engine.ts';
import { encodeError } from '../engine/error-transfer.ts';
import { EventSender } from '../engine/event-sender.ts';
import type { EngineApi, EngineRequest, EngineResult, TracedData } from '../engine/request.ts';
import { strategyOf } from '../engine/strategy.ts';
import { importJob } from '../job/import-job.ts';
import type { RunEvent } from '../observe/events.ts';
import { isReproducible } from '../observe/promise.ts';
import { earlyThreads } from './early-threads.ts';

// The engine's own thread: job import, data, files and the ring of batches. The host's event loop only receives events.

class EngineService implements EngineApi {
  #engine: { run(): Promise<EngineResult>; stop(): void } | undefined;
  #stopped = false;

  async run(request: EngineRequest) {
    const events = new EventSender(request.events);
    const threads = earlyThreads;
    try {
      const traced = await trace(request);
      const emit = request.quiet ? withoutSteps(events.send) : events.send;
      const strategy = strategyOf(request.cluster);
      const reproducible = request.cluster === null || isReproducible(request.cluster.mode);
      const opened = await openRun(traced, { ...request, ...(strategy && { strategy }), reproducible }, emit);
      const parts = { request, traced, ...opened, emit };
      this.#engine = threads
        ? new Engine({ ...parts, threads })
        : await clusterEngine({ ...parts, cluster: request.cluster as ClusterParts['cluster'] });
      if (this.#stopped) this.#engine.stop();
      const result = await this.#engine.run();
      return Comlink.transfer(result, [result.parameters.buffer as ArrayBuffer]);
    } catch (error) {
      throw encodeError(error);
    } finally {
      await threads?.close();
      events.close();
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#engine?.stop();
  }
}

/** The libraries of the network are loaded where there is one. */
async function clusterEngine(parts: ClusterParts) {
  const { ClusterEngine } = await import('../cluster/cluster-engine.ts');
  return new ClusterEngine(parts);
}

const withoutSteps =
  (send: (event: RunEvent) => void) =>
  (event: RunEvent): void => {
    if (event.type !== 'step') send(event);
  };

async function trace({ job, overrides, kernels }: EngineRequest): Promise<TracedJob> {
  if ('path' in job) return traceJob(await importJob(job.path), overrides, kernels.module);
  return { spec: job.spec, initialParameters: job.initialParameters, host: remoteHost(job) };
}

/** The closures of a job that was given as an object live in the caller's thread and are asked ahead of time. */
function remoteHost({ host }: TracedData): JobHost {
  const remote = Comlink.wrap<JobHost>(host as unknown as Comlink.Endpoint);
  return {
    openable: () => remote.openable(),
    stepValues: (step, losses) => remote.stepValues(step, losses),
    measure: (gathered, means) => remote.measure(gathered, means),
    // The views lie in shared memory: the caller's thread writes into the run's own.
    fill: (split, indices, into) => remote.fill(split, indices, into),
  };
}

if (!isMainThread && parentPort) Comlink.expose(new EngineService(), nodeEndpoint(parentPort));
