import { MessageChannel, Worker } from 'node:worker_threads';
import { type JobHost, LockstepError } from '@lockstep/core/internal';
import { threadOptions } from '@lockstep/worker/local';
import * as Comlink from 'comlink';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { RunEvent } from '../observe/events.ts';
import { decodeError } from './error-transfer.ts';
import type { EngineApi, EngineRequest, EngineResult } from './request.ts';

/** What an engine's thread is told when it starts. */
export interface EngineThreadData {
  /** Compute threads to start at once; 0 for a cluster's engine, whose replica has its own. */
  readonly threads: number;
  /** For tests: most memory of each compute thread's own heap. */
  readonly heapLimitMb: number | undefined;
}

/** The engine thread as the caller's thread sees it. */
export class EngineHandle {
  readonly #worker: Worker;
  readonly #api: Comlink.Remote<EngineApi>;
  /** Rejects when the thread ends: a Comlink call on a dead thread would never settle. */
  readonly #died: Promise<never>;

  constructor(workerData: EngineThreadData) {
    this.#worker = new Worker(new URL('../service/engine-thread.js', import.meta.url), {
      name: 'lockstep engine',
      workerData,
      ...threadOptions(),
    });
    this.#api = Comlink.wrap<EngineApi>(nodeEndpoint(this.#worker));
    this.#died = new Promise((_, reject) => {
      this.#worker.once('error', (error) =>
        reject(new LockstepError(`The engine thread failed: ${(error as Error).message}`, { cause: error })),
      );
      this.#worker.once('exit', (code) => reject(new LockstepError(`The engine thread ended with code ${code}.`)));
    });
    this.#died.catch(() => undefined);
  }

  /** Runs to the end. `host` answers for a job whose closures live in this thread. */
  async run(
    request: Omit<EngineRequest, 'events' | 'job'> & {
      job: { path: string } | Omit<Extract<EngineRequest['job'], { spec: unknown }>, 'host'>;
    },
    host: JobHost | undefined,
    onEvent: (event: RunEvent) => void,
  ): Promise<EngineResult> {
    const events = new MessageChannel();
    const closed = new Promise<void>((resolve) => events.port1.once('close', () => resolve()));
    events.port1.on('message', (group: RunEvent[]) => {
      for (const event of group) onEvent(event);
    });
    const transfer: MessagePortLike[] = [events.port2];
    let job: EngineRequest['job'];
    const hostChannel = host && new MessageChannel();
    if ('path' in request.job) job = request.job;
    else {
      const { port1, port2 } = hostChannel as MessageChannel;
      Comlink.expose(host, port1 as unknown as Comlink.Endpoint);
      job = { ...request.job, host: port2 };
      transfer.push(port2);
    }
    try {
      const full = Comlink.transfer({ ...request, job, events: events.port2 }, transfer as unknown as Transferable[]);
      const result = await Promise.race([this.#api.run(full), this.#died]);
      // All events are in before the result is handed out.
      await closed;
      return result as EngineResult;
    } catch (error) {
      throw decodeError(error);
    } finally {
      events.port1.close();
      hostChannel?.port1.close();
    }
  }

  /** Ends the thread, whether it ran or not: it would keep the process alive. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  /** Ends at the next step boundary. */
  stop(): void {
    void Promise.race([this.#api.stop(), this.#died]).catch(() => undefined);
  }
}

type MessagePortLike = MessageChannel['port1'];
