import { create } from '@bufbuild/protobuf';
import {
  type CoordinatorLink,
  type Farewell,
  FromCoordinatorSchema,
  type FromWorker,
  FromWorkerSchema,
  type Implementation,
  type Peer,
  StatusError,
  status,
} from '@lockstep/worker';
import type { Training } from '@lockstep/worker/messages';
import type { ToWorker } from '../sharding/effects.ts';

export interface SessionListener {
  received(session: number, message: FromWorker): void;
  disconnected(session: number, reason: string): void;
}

interface Session {
  send(message: ToWorker): void;
  close(reason: string, farewell: Farewell): void;
}

/** The streams of workers, by number, whether they come over the network or from within this process. */
export class Sessions {
  readonly #listener: SessionListener;
  readonly #sessions = new Map<number, Session>();
  #last = 0;

  constructor(listener: SessionListener) {
    this.#listener = listener;
  }

  send(session: number, message: ToWorker): void {
    this.#sessions.get(session)?.send(message);
  }

  close(session: number, reason: string, farewell: Farewell): void {
    this.#sessions.get(session)?.close(reason, farewell);
  }

  closeAll(reason: string): void {
    for (const session of this.#sessions.values()) session.close(reason, 'lost');
  }

  /** What gRPC serves. */
  get service(): Implementation<typeof Training> {
    return {
      session: async (requests, send, { peer, signal }) => {
        const closed = Promise.withResolvers<StatusError | undefined>();
        let sent: Promise<void> = Promise.resolve();
        const id = this.#open({
          send: (message) => {
            sent = send(create(FromCoordinatorSchema, message)).catch(() => undefined);
          },
          // Not before its last message is on its way.
          close: (reason, farewell) =>
            void sent.then(() =>
              closed.resolve(farewell === 'lost' ? undefined : new StatusError(farewells[farewell], reason)),
            ),
        });
        let reason = 'its connection was closed';
        const reading = (async () => {
          for await (const message of requests) {
            checkName(message, peer);
            this.#listener.received(id, message);
          }
          return undefined;
        })().catch((error: Error) => {
          if (error instanceof StatusError && error.status !== status.CANCELLED) return error;
          reason = `its connection was lost (${error.message})`;
          return undefined;
        });
        const cancelled = new Promise<undefined>((resolve) => {
          signal.addEventListener('abort', () => resolve(undefined), { once: true });
        });
        const refusal = await Promise.race([reading, closed.promise, cancelled]);
        this.#sessions.delete(id);
        this.#listener.disconnected(id, refusal?.message ?? reason);
        if (refusal) throw refusal;
      },
    };
  }

  /** How a member of the same process reaches its coordinator. Messages take a turn of the event loop, as over a network. */
  get link(): CoordinatorLink {
    return {
      dial: (listener) => {
        let open = true;
        const id = this.#open({
          send: (message) => {
            setImmediate(() => open && listener.received(create(FromCoordinatorSchema, message)));
          },
          close: (reason, farewell) => {
            open = false;
            this.#sessions.delete(id);
            setImmediate(() => listener.closed(reason, farewell));
            setImmediate(() => this.#listener.disconnected(id, reason));
          },
        });
        return {
          send: (message) => {
            setImmediate(() => open && this.#listener.received(id, create(FromWorkerSchema, message)));
          },
          cancel: () => {
            if (!open) return;
            open = false;
            this.#sessions.delete(id);
            setImmediate(() => this.#listener.disconnected(id, 'it left'));
          },
        };
      },
    };
  }

  #open(session: Session): number {
    this.#last++;
    this.#sessions.set(this.#last, session);
    return this.#last;
  }
}

/** How a worker that is turned away knows whether to come again. */
const farewells = { later: status.ABORTED, never: status.FAILED_PRECONDITION } as const;

/** With certificates a worker is who its certificate says. @throws StatusError */
function checkName({ message }: FromWorker, { identity }: Peer): void {
  if (message.case !== 'hello' || !identity || message.value.name === identity.name) return;
  throw new StatusError(
    status.PERMISSION_DENIED,
    `the certificate is of worker "${identity.name}", not of "${message.value.name}": start it with --name ${identity.name}, or issue another`,
  );
}
