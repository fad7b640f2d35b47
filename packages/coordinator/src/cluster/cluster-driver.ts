import { setInterval } from 'node:timers';
import { LockstepError } from '@lockstep/core/internal';
import { tickMs, type Updated } from '@lockstep/worker';
import { ClusterCore } from '../sharding/cluster-core.ts';
import type {
  ClusterEffect,
  ClusterEvent,
  ClusterInput,
  ClusterOptions,
  FromCoordinatorMessage,
  ItemSpec,
  ToWorker,
} from '../sharding/effects.ts';
import { SpoiltSums } from './node-collector.ts';
import { Sessions } from './sessions.ts';

/** What the driver leaves to whoever knows the run. */
export interface DriverHooks {
  /** A message is about to leave: what it refers to can be put up. @returns it as it is to be said */
  sending(session: number, message: FromCoordinatorMessage): FromCoordinatorMessage;
  /** @returns whether the node was here before with other bytes */
  collect(effect: Extract<ClusterEffect, { kind: 'collect' }>): Promise<boolean>;
  /** All sums are here. */
  reduced(item: number): Promise<void>;
  /** A gradient is to be applied as it has come. */
  apply(effect: Extract<ClusterEffect, { kind: 'apply' }>): Promise<void>;
  /** The next batch of those that are given out one by one; undefined = there are no more. */
  want(): Promise<ItemSpec | undefined>;
  committed(item: number, updated: Updated): void;
  /** A copy of the state after this item is to be taken from who holds it, and `kept` to be said. */
  keep(item: number): void;
  /** Whether somebody answers there: undefined, or why not. */
  reach(address: string): Promise<string | undefined>;
  event(event: ClusterEvent): void;
  /** Another coordinator may have taken the run over: the run's folder says. */
  checkFence(): void;
  /** A worker cannot take part, and was told why. */
  turnedAway(reason: string): void;
  /** A message came too late, twice or from elsewhere, and changed nothing. */
  refused(what: string): void;
}

/** Nobody holds the state any more: the run goes back to the last one that the coordinator has. */
export class RewindError extends LockstepError {
  override readonly code = 'REWIND';
}

/** The run was told to stop while an item waited for workers. */
export class StoppedWaiting extends LockstepError {
  override readonly code = 'STOPPED_WAITING';
}

/** Ties the coordinator's state machine to its streams and the clock. One incarnation. */
export class ClusterDriver {
  readonly sessions: Sessions;
  readonly core: ClusterCore;
  readonly #hooks: DriverHooks;
  readonly #timer: NodeJS.Timeout;
  readonly #tried = new Map<number, PromiseWithResolvers<void>>();
  #failure: Error | undefined;
  #closed = false;

  constructor(options: ClusterOptions, hooks: DriverHooks) {
    this.core = new ClusterCore(options);
    this.#hooks = hooks;
    this.sessions = new Sessions({
      received: (session, message) => this.handle({ kind: 'received', session, message }),
      disconnected: (session, reason) => this.handle({ kind: 'disconnected', session, reason }),
    });
    this.#timer = setInterval(() => this.handle({ kind: 'tick' }), tickMs);
  }

  /** Resolves when the item is done everywhere. @throws RewindError, or what failed */
  begin(item: ItemSpec, upcoming?: ItemSpec): Promise<void> {
    const done = Promise.withResolvers<void>();
    if (this.#failure) return Promise.reject(this.#failure);
    this.#tried.set(item.item, done);
    this.handle({ kind: 'begin', item, ...(upcoming && { upcoming }) });
    return done.promise;
  }

  /** Ends whatever is under way with this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#tried.values()) reject(this.#failure);
    this.#tried.clear();
  }

  /** @throws what has ended the run, where something has */
  check(): void {
    if (this.#failure) throw this.#failure;
  }

  handle(input: ClusterInput): void {
    if (this.#closed) return;
    for (const effect of this.core.handle(performance.now(), input)) this.#do(effect);
  }

  /** @param comeBack whether workers are to dial again */
  close(reason: string, comeBack: boolean): void {
    if (this.#closed) return;
    this.handle({ kind: 'finish', reason, comeBack });
    this.#closed = true;
    clearInterval(this.#timer);
  }

  #do(effect: ClusterEffect): void {
    const hooks = this.#hooks;
    switch (effect.kind) {
      case 'send':
        this.#send(effect.session, effect.message);
        break;
      case 'close':
        if (effect.farewell !== 'lost') hooks.turnedAway(effect.reason);
        this.sessions.close(effect.session, effect.reason, effect.farewell);
        break;
      case 'reach':
        void hooks
          .reach(effect.address)
          .then((reason) =>
            this.handle({ kind: 'reached', member: effect.member, ...(reason !== undefined && { reason }) }),
          );
        break;
      case 'collect':
        void this.#collect(effect);
        break;
      case 'reduced':
        hooks.reduced(effect.item).then(
          () => this.handle({ kind: 'updated', item: effect.item }),
          (error: Error) => this.fail(error),
        );
        break;
      case 'apply':
        hooks.apply(effect).then(
          () => this.handle({ kind: 'updated', item: effect.item }),
          (error: Error) => this.fail(error),
        );
        break;
      case 'want':
        hooks.want().then(
          (ticket) => this.handle({ kind: 'ticket', item: effect.item, ...(ticket && { ticket }) }),
          (error: Error) => this.fail(error),
        );
        break;
      case 'committed':
        try {
          hooks.committed(effect.item, effect.updated);
        } catch (error) {
          this.fail(error as Error);
        }
        break;
      case 'keep':
        hooks.keep(effect.item);
        break;
      case 'done':
        this.#tried.get(effect.item)?.resolve();
        this.#tried.delete(effect.item);
        break;
      case 'withdrawn':
        this.#tried.get(effect.item)?.reject(new StoppedWaiting('The run was stopped while it waited for workers.'));
        this.#tried.delete(effect.item);
        break;
      case 'rewind':
        this.fail(new RewindError(effect.reason));
        break;
      case 'checkFence':
        hooks.checkFence();
        break;
      case 'failed':
        this.fail(new LockstepError(effect.message));
        break;
      case 'refused':
        hooks.refused(effect.what);
        break;
      case 'event':
        hooks.event(effect.event);
        break;
      case 'incarnation':
        // Terms beyond this incarnation's would collide with the next start's; 65 536 changes of the worker set are not reached.
        this.fail(new LockstepError('The worker set has changed 65 536 times: go on with --resume.'));
    }
  }

  #send(session: number, { term, message }: ToWorker): void {
    this.sessions.send(session, {
      ...(term && { term }),
      ...(message && { message: this.#hooks.sending(session, message) }),
    });
  }

  async #collect(effect: Extract<ClusterEffect, { kind: 'collect' }>): Promise<void> {
    const { member, item, node } = effect;
    try {
      const different = await this.#hooks.collect(effect);
      this.handle({ kind: 'arrived', member, item, node, ...(different && { different }) });
    } catch (error) {
      const kind = error instanceof SpoiltSums ? 'spoilt' : 'missed';
      this.handle({ kind, member, item, node, reason: (error as Error).message });
    }
  }
}
