import { setTimeout } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import {
  type Board,
  Channel,
  checkListen,
  type Desk,
  diagnose,
  exchangeService,
  type GrpcServer,
  type Implementation,
  loadSecurity,
  pieces,
  Refusals,
  type Security,
  StatusError,
  serve,
  served,
  speaksFor,
  status,
} from '@lockstep/worker';
import { Exchange, PullRequestSchema, Training } from '@lockstep/worker/messages';
import type { ClusterRequest } from '../engine/cluster-request.ts';
import type { RunEvent } from '../observe/events.ts';
import { RefusalWarnings } from './refusal-warnings.ts';

/** How long workers have to hang up when a run is over, in milliseconds. */
const farewellMs = 2000;

/** How long an address is tried that a worker says it can be reached at, in milliseconds. */
const reachMs = 5000;

export interface ServerOptions {
  readonly cluster: ClusterRequest;
  readonly run: string;
  readonly emit: (event: RunEvent) => void;
}

/** What of the current incarnation is served. */
export interface Current {
  readonly training: Implementation<typeof Training>;
  readonly board: Pick<Board, 'find'>;
  readonly desk: Desk;
  /** What a member called itself; undefined where there is none of that number. */
  readonly nameOf: (member: number) => string | undefined;
}

/** The coordinator's port. It stays open while incarnations come and go. */
export class ClusterServer {
  readonly security: Security;
  readonly traffic = { sent: 0, sums: 0, received: 0 };
  readonly #options: ServerOptions;
  #server: GrpcServer | undefined;
  #current: Current | undefined;
  readonly #refusals: Refusals;
  readonly #warnings: RefusalWarnings;

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#warnings = new RefusalWarnings((message) => options.emit({ type: 'warning', message }));
    this.#refusals = new Refusals((reason, from) => this.#warnings.count(reason, from));
    const { listen, security } = options.cluster;
    // Where nobody can join, no token of the environment is looked at.
    this.security = listen === null ? {} : loadSecurity({ ...security, role: 'coordinator', environment: process.env });
  }

  /** @throws UsageError where it must not listen there, or cannot */
  static async start(options: ServerOptions): Promise<ClusterServer> {
    const server = new ClusterServer(options);
    const { listen, insecure } = options.cluster;
    if (listen === null) return server;
    const warning = checkListen(listen, server.security, insecure);
    if (warning) options.emit({ type: 'warning', message: warning });
    server.#server = await serve({
      address: listen,
      security: server.security,
      refusals: server.#refusals,
      services: [
        served(Training, { session: (...args) => server.#now.training.session(...args) }, ['worker']),
        served(Exchange, server.#exchange(), ['worker', 'coordinator']),
      ],
    });
    return server;
  }

  /** Where workers reach it; undefined where it does not listen. */
  get address(): string | undefined {
    return this.#server?.address;
  }

  /** What was refused and changed nothing, by reason: calls and connections (see `Refusals`), `STALE` messages, workers `TURNED_AWAY`. */
  get refusals(): Record<string, number> {
    return this.#refusals.toJSON();
  }

  /** A message that came too late, twice or from elsewhere. */
  refuse(_what: string): void {
    this.#refusals.count('STALE');
  }

  turnAway(reason: string): void {
    this.#refusals.count('TURNED_AWAY');
    this.#warnings.tell(reason.replace(/\.$/, ''));
  }

  present(current: Current): void {
    this.#current = current;
  }

  /** Whether somebody answers at a worker's address: undefined, or why not. */
  async reach(address: string): Promise<string | undefined> {
    const expect = { role: 'worker' } as const;
    const channel = new Channel({ address, security: this.security, expect });
    try {
      const request = create(PullRequestSchema, { run: '', term: 0, member: 0, piece: pieces.job() });
      for await (const _ of channel.serverStream(Exchange.method.pull, request, { timeoutMs: reachMs })) break;
      return undefined;
    } catch (error) {
      // It answered that this is no call of a run: somebody is there.
      if (error instanceof StatusError && error.status === status.NOT_FOUND) return undefined;
      const { details, message } = error as StatusError;
      return (await diagnose(address, this.security, expect))?.why ?? details ?? message;
    } finally {
      channel.close();
    }
  }

  /** Gives workers a moment to hear how it ended and to hang up. */
  async close(): Promise<void> {
    const lastMs = performance.now() + farewellMs;
    while (this.#server && this.#server.connections > 0 && performance.now() < lastMs) await setTimeout(10);
    await this.#server?.close();
  }

  get #now(): Current {
    if (!this.#current) throw new StatusError(status.UNAVAILABLE, 'the run is being prepared');
    return this.#current;
  }

  #exchange(): Implementation<typeof Exchange> {
    const server = this;
    return exchangeService({
      run: () => this.#options.run,
      get board() {
        return server.#now.board;
      },
      get desk() {
        return server.#now.desk;
      },
      // Of a member that is gone the board and the desk know that it comes too late.
      isMember: (member, { identity }) => speaksFor(identity, this.#now.nameOf(member)),
      refusals: this.#refusals,
      traffic: this.traffic,
    });
  }
}
