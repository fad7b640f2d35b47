import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';
import { ClusterWorker, Coordinator } from '../support/cluster.ts';

/** A worker behind a wire of its own. */
export interface Hand {
  readonly name: string;
  readonly worker: ClusterWorker;
  readonly wire: ChaosProxy;
}

/** The processes of a run that is tormented: a coordinator that is started again when it is gone, and workers that come and go. */
export class Crew implements AsyncDisposable {
  readonly port: number;
  readonly hands: Hand[] = [];
  /** Every coordinator of the run so far, the present one last. */
  readonly coordinators: Coordinator[] = [];
  readonly #args: readonly string[];
  #hired = 0;

  constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = ['--listen', `127.0.0.1:${port}`, '--threads', '0', ...args];
  }

  get coordinator(): Coordinator {
    return this.coordinators.at(-1) as Coordinator;
  }

  get steps(): number {
    return this.coordinators.reduce((n, coordinator) => n + coordinator.ofType('step').length, 0);
  }

  /** The furthest step that any coordinator has reported: the journal may know as many. */
  get reached(): number {
    return Math.max(0, ...this.coordinators.flatMap((one) => one.ofType('step').map(({ step }) => step as number)));
  }

  start(job: string): void {
    const resume = this.coordinators.length > 0 ? ['--resume'] : [];
    this.coordinators.push(new Coordinator([job, ...this.#args, ...resume]));
  }

  async hire(seed: number): Promise<void> {
    const name = `w${++this.#hired}`;
    const wire = await chaosProxy(this.port, { seed });
    const worker = new ClusterWorker(`127.0.0.1:${wire.port}`, ['--name', name, '--wait', '600']);
    this.hands.push({ name, worker, wire });
  }

  /** Whoever is gone for good is taken off the list. */
  async dismiss(hand: Hand): Promise<void> {
    this.hands.splice(this.hands.indexOf(hand), 1);
    await hand.worker[Symbol.asyncDispose]();
    await hand.wire.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hand of [...this.hands]) await this.dismiss(hand);
    for (const coordinator of this.coordinators) await coordinator[Symbol.asyncDispose]();
  }
}
