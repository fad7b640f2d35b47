import { setInterval } from 'node:timers';
import type { Board } from '../exchange/board.ts';
import { incarnationTerm } from '../exchange/incarnation-term.ts';
import type { FromCoordinator } from '../gen/lockstep/v1/training_pb.ts';
import { tickMs, type WorkerEffect, type WorkerInput } from '../member/effects.ts';
import { type Introduction, WorkerCore } from '../member/worker-core.ts';
import type { CoordinatorLink, CoordinatorStream, Farewell } from './coordinator-link.ts';
import { UnreachableMember } from './exchange-task.ts';
import { faultOf, type Tasks } from './tasks.ts';

export interface WorkerHostOptions {
  readonly introduction: Introduction;
  readonly link: CoordinatorLink;
  readonly tasks: Tasks;
  readonly newBoard: () => Board;
  /** What a person may want to know. */
  readonly say?: (text: string) => void;
  /** Tries to reach the coordinator for so long before it was reached once, in milliseconds. */
  readonly firstContactMs: number;
}

/** How a worker ended; an error where it could not take part. */
export interface WorkerEnd {
  readonly reason: string;
  readonly failed: boolean;
}

/** Ties the state machine of a worker to its stream, its tasks and the clock. */
export class WorkerHost {
  readonly ended: Promise<WorkerEnd>;
  /** Messages and answers that came too late or from elsewhere, and changed nothing. */
  refused = 0;
  readonly #options: WorkerHostOptions;
  readonly #core: WorkerCore;
  readonly #running = new Map<number, AbortController>();
  readonly #timer: NodeJS.Timeout;
  readonly #startedMs = performance.now();
  #stream: { readonly connection: number; readonly stream: CoordinatorStream } | undefined;
  #met = false;
  #end: (end: WorkerEnd) => void = () => undefined;
  #over = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // The jitter of waits: it decides when to dial, never what is computed.
    this.#core = new WorkerCore(options.introduction, Math.random, performance.now());
    this.#timer = setInterval(() => this.#handle({ kind: 'tick' }), tickMs);
    this.#handle({ kind: 'tick' });
  }

  /** Finishes what it computes and goes. */
  leave(reason: string): void {
    this.#handle({ kind: 'leave', reason });
  }

  /** Goes at once. */
  async stop(reason: string): Promise<void> {
    this.#finish({ reason, failed: false });
    await this.#options.tasks.close();
  }

  #handle(input: WorkerInput): void {
    if (this.#over) return;
    for (const effect of this.#core.handle(performance.now(), input)) this.#do(effect);
  }

  #do(effect: WorkerEffect): void {
    const { tasks, newBoard, say } = this.#options;
    switch (effect.kind) {
      case 'dial':
        this.#dial(effect.connection);
        break;
      case 'hangUp':
        if (this.#stream?.connection === effect.connection) this.#stream.stream.cancel();
        say?.(`connection to the coordinator closed: ${effect.reason}`);
        break;
      case 'send':
        if (this.#stream?.connection === effect.connection) this.#stream.stream.send(effect.message);
        break;
      case 'start':
        void this.#start(effect);
        break;
      case 'cancel':
        this.#running.get(effect.id)?.abort();
        this.#running.delete(effect.id);
        break;
      case 'prefetch':
        tasks.prefetch(effect.upcoming);
        break;
      case 'drop':
        tasks.drop(effect.before);
        break;
      case 'forget':
        tasks.forget(newBoard());
        break;
      case 'refused':
        this.refused++;
        break;
      case 'end':
        this.#finish({ reason: effect.reason, failed: false });
    }
  }

  #dial(connection: number): void {
    const stream = this.#options.link.dial({
      received: (message) => this.#received(connection, message),
      closed: (reason, farewell) => this.#closed(connection, reason, farewell),
    });
    this.#stream = { connection, stream };
    this.#later({ kind: 'connected', connection });
  }

  /** Effects are done before anything else is taken in. */
  #later(input: WorkerInput): void {
    queueMicrotask(() => this.#handle(input));
  }

  #received(connection: number, message: FromCoordinator): void {
    const { tasks, say } = this.#options;
    if (message.message.case === 'welcome') {
      tasks.welcome = message.message.value;
      if (!this.#met) say?.('joined the run');
      this.#met = true;
    }
    this.#handle({ kind: 'received', connection, message });
    tasks.board.moveTerm(incarnationTerm(message.term));
  }

  #closed(connection: number, reason: string, farewell: Farewell): void {
    if (this.#stream?.connection === connection) this.#stream = undefined;
    const late = !this.#met && performance.now() - this.#startedMs > this.#options.firstContactMs;
    if (farewell === 'never' || late) this.#finish({ reason, failed: true });
    else this.#handle({ kind: 'disconnected', connection, reason });
  }

  async #start({ id, job }: Extract<WorkerEffect, { kind: 'start' }>): Promise<void> {
    const stop = new AbortController();
    this.#running.set(id, stop);
    try {
      const answer = await this.#options.tasks.run(job, stop.signal);
      this.#handle({ kind: 'done', id, answer });
    } catch (error) {
      const member = error instanceof UnreachableMember ? { member: error.member } : {};
      this.#handle({ kind: 'failed', id, message: (error as Error).message, fault: faultOf(error), ...member });
    } finally {
      this.#running.delete(id);
    }
  }

  #finish(end: WorkerEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    for (const running of this.#running.values()) running.abort();
    this.#stream?.stream.cancel();
    this.#end(end);
  }
}
