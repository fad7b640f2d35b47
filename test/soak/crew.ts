import { type ChaosProxy, chaosProxy } from '../support/chaos-proxy.ts';
import { ClusterWorker, Coordinator, freePort } from '../support/cluster.ts';

/** A worker behind wires of its own: over the first it reaches its coordinator, over the second others reach it. */
export interface Hand {
  readonly name: string;
  readonly worker: ClusterWorker;
  readonly wires: readonly [ChaosProxy, ChaosProxy];
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
    const ownPort = await freePort();
    const wires = [await chaosProxy(this.port, { seed }), await chaosProxy(ownPort, { seed: seed + 1 })] as const;
    const worker = new ClusterWorker(`127.0.0.1:${wires[0].port}`, [
      ...['--name', name, '--wait', '600'],
      ...['--listen', `127.0.0.1:${ownPort}`, '--advertise', `127.0.0.1:${wires[1].port}`],
    ]);
    this.hands.push({ name, worker, wires });
  }

  /** Whoever is gone for good is taken off the list. */
  async dismiss(hand: Hand): Promise<void> {
    const at = this.hands.indexOf(hand);
    if (at >= 0) this.hands.splice(at, 1);
    await hand.worker[Symbol.asyncDispose]();
    for (const wire of hand.wires) await wire.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const hand of [...this.hands]) await this.dismiss(hand);
    for (const coordinator of this.coordinators) await coordinator[Symbol.asyncDispose]();
  }
}
