import type { Http2Session, ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { Limits } from './limits.ts';
import type { Refusals } from './refusals.ts';

interface Connection {
  readonly socket: Socket;
  timer: NodeJS.Timeout | undefined;
  session: ServerHttp2Session | undefined;
}

/** A dismissed peer has so long to read why, in ms. */
const lastWordsMs = 500;

/** Sockets of a server from accept to close: at most so many, and each must bring an accepted call in time. */
export class Connections {
  readonly #limits: Limits;
  readonly #refusals: Refusals;
  readonly #all = new Map<string, Connection>();
  /** A session that is over does not say any more whose it was. */
  readonly #addresses = new WeakMap<object, string>();

  constructor(limits: Limits, refusals: Refusals) {
    this.#limits = limits;
    this.#refusals = refusals;
  }

  get size(): number {
    return this.#all.size;
  }

  /** @returns false where it was refused */
  accept(socket: Socket): boolean {
    // Resets come as errors as well as closes; without a listener they would end the process.
    socket.on('error', () => {});
    if (this.#all.size >= this.#limits.connections) {
      this.#refusals.count('CONNECTIONS', socket.remoteAddress);
      socket.destroy();
      return false;
    }
    const key = keyOf(socket.remoteAddress, socket.remotePort);
    const connection: Connection = { socket, timer: undefined, session: undefined };
    connection.timer = setTimeout(() => {
      this.#refusals.count('HANDSHAKE_TIMEOUT', socket.remoteAddress);
      socket.destroy();
    }, this.#limits.handshakeMs);
    this.#all.set(key, connection);
    socket.once('close', () => {
      clearTimeout(connection.timer);
      if (this.#all.get(key) === connection) this.#all.delete(key);
    });
    return true;
  }

  opened(session: ServerHttp2Session): void {
    const { remoteAddress, remotePort } = session.socket;
    const connection = this.#find(remoteAddress, remotePort);
    if (connection) connection.session = session;
    if (remoteAddress !== undefined) this.#addresses.set(session, remoteAddress);
  }

  /** Address of the peer of a session, without its port. */
  addressOf(session: Http2Session | undefined): string | undefined {
    return session && this.#addresses.get(session);
  }

  /** The peer has shown that it belongs here. */
  admit(address: string | undefined, port: number | undefined): void {
    clearTimeout(this.#find(address, port)?.timer);
  }

  /** The peer has shown that it does not: nothing more is taken from it. */
  dismiss(address: string | undefined, port: number | undefined): void {
    const connection = this.#find(address, port);
    if (!connection) return;
    clearTimeout(connection.timer);
    connection.session?.close();
    connection.timer = setTimeout(() => connection.socket.destroy(), lastWordsMs);
  }

  destroyAll(): void {
    for (const { socket } of this.#all.values()) socket.destroy();
  }

  #find(address: string | undefined, port: number | undefined): Connection | undefined {
    return this.#all.get(keyOf(address, port));
  }
}

const keyOf = (address: string | undefined, port: number | undefined) => `${address} ${port}`;
