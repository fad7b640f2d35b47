import { type Hello, Lease } from '@lockstep/worker';

/** A worker of the run as its coordinator knows it, from `Hello` to the end of its stream. */
export class Member {
  /** Counts from 1 within an incarnation. */
  readonly id: number;
  readonly session: number;
  readonly name: string;
  readonly threads: number;
  /** `host:port`; empty where nobody can pull from it. */
  readonly address: string;
  readonly instance: string;
  readonly dataKinds: readonly string[];
  readonly lease: Lease;
  /** When it was last told something. */
  saidMs: number;
  /** `preparing`: it plans the job; `ready`: it can be given work. */
  stage: 'preparing' | 'ready' = 'preparing';
  /** Whether others can pull from it, where that matters. */
  reached: boolean;
  /** It wants to go: no new item. */
  leaving = false;
  /** The item whose whole state it holds, with workers as owners. */
  holds: number | undefined;
  /** Another member had to go because this one could not reach it. */
  blamed = false;

  constructor(id: number, session: number, hello: Hello, reached: boolean, leaseMs: number, nowMs: number) {
    this.id = id;
    this.session = session;
    this.name = hello.name;
    this.threads = Math.max(1, hello.threads);
    this.address = hello.address;
    this.instance = hello.instance;
    this.dataKinds = hello.dataKinds;
    this.reached = reached;
    this.lease = new Lease(leaseMs, nowMs);
    this.saidMs = nowMs;
  }

  /** Whether it may be part of an item. */
  get able(): boolean {
    return this.stage === 'ready' && this.reached && !this.leaving;
  }
}
