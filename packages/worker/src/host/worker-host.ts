import { setInterval } from 'node:timers';
import type { Board } from '../exchange/board.ts';
import { incarnationTerm } from '../exchange/incarnation-term.ts';
import type { FromCoordinator } from '../gen/lockstep/v1/training_pb.ts';
import { tickMs, type WorkerEffect, type WorkerInput } from '../member/effects.ts';
import { type Introduction, WorkerCore } from '../member/worker-core.ts';
import { Contact, type ContactOptions } from './contact.ts';
import type { CoordinatorLink, CoordinatorStream, Farewell } from './coordinator-link.ts';
import { UnreachableMember } from './exchange-task.ts';
import { faultOf } from './job-fault.ts';
import type { Tasks } from './tasks.ts';

export interface WorkerHostOptions {
  readonly introduction: Introduction;
  readonly link: CoordinatorLink;
  readonly tasks: Tasks;
  readonly newBoard: () => Board;
  /** What people are told of the connection, and how long one is looked for. */
  readonly contact: ContactOptions;
}

/**
 * How a worker ended: it `left`, or was sent home; it was `refused`; the coordinator could not be reached at `first`, or not again after it was
 * `lost`.
 */
export interface WorkerEnd {
  readonly reason: string;
  readonly how: 'left' | 'refused' | 'first' | 'lost';
  /** How long there was no connection, in milliseconds. */
  readonly awayMs: number;
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
  readonly #contact: Contact;
  #stream: { readonly connection: number; readonly stream: CoordinatorStream } | undefined;
  #end: (end: WorkerEnd) => void = () => undefined;
  #over = false;

  constructor(options: WorkerHostOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    // The jitter of waits: it decides when to dial, never what is computed.
    this.#core = new WorkerCore(options.introduction, Math.random, performance.now());
    this.#contact = new Contact(options.contact, performance.now());
    this.#timer = setInterval(() => this.#handle({ kind: 'tick' }), tickMs);
    this.#handle({ kind: 'tick' });
  }

  /** Finishes what it computes and goes. */
  leave(reason: string): void {
    this.#handle({ kind: 'leave', reason });
  }

  /** Goes at once. */
  async stop(reason: string): Promise<void> {
    this.#finish(reason, 'left');
    await this.#options.tasks.close();
  }

  #handle(input: WorkerInput): void {
    if (this.#over) return;
    const effects = this.#core.handle(performance.now(), input);
    // Of a stream that is closed because it is over nothing needs to be said.
    const ending = effects.some(({ kind }) => kind === 'end');
    for (const effect of effects) this.#do(effect, ending);
  }

  #do(effect: WorkerEffect, ending: boolean): void {
    const { tasks, newBoard } = this.#options;
    switch (effect.kind) {
      case 'dial':
        this.#dial(effect.connection);
        break;
      case 'hangUp':
        this.#hangUp(effect.connection);
        if (!ending) this.#lost(effect.reason, 'lost');
        break;
      case 'send':
        if (this.#stream?.connection === effect.connection) this.#stream.stream.send(effect.message);
        if (effect.message.message?.case === 'ready') this.#contact.ready();
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
        this.#finish(effect.reason, 'left');
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
    const { tasks } = this.#options;
    const { case: what } = message.message;
    if (message.message.case === 'welcome') {
      tasks.welcome = message.message.value;
      this.#contact.welcomed();
    }
    if (what === 'work' || what === 'adopt') this.#contact.given();
    this.#handle({ kind: 'received', connection, message });
    tasks.board.moveTerm(incarnationTerm(message.term));
  }

  #closed(connection: number, reason: string, farewell: Farewell): void {
    // One that was hung up is over already.
    if (this.#stream?.connection !== connection) return;
    this.#stream = undefined;
    if (farewell === 'never') this.#finish(reason, 'refused');
    else {
      this.#lost(reason, farewell);
      this.#handle({ kind: 'disconnected', connection, reason });
    }
  }

  #hangUp(connection: number): void {
    if (this.#stream?.connection !== connection) return;
    const { stream } = this.#stream;
    this.#stream = undefined;
    stream.cancel();
  }

  #lost(reason: string, farewell: Farewell): void {
    if (this.#over) return;
    const verdict = this.#contact.lost(reason, farewell, performance.now());
    if (verdict !== 'dial') this.#finish(reason, verdict);
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

  #finish(reason: string, how: WorkerEnd['how']): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    for (const running of this.#running.values()) running.abort();
    this.#stream?.stream.cancel();
    this.#end({ reason, how, awayMs: this.#contact.awayMs(performance.now()) });
  }
}
