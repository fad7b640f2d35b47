import { once } from 'node:events';
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  createServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Random } from '../simulator/random.ts';

/** How often what happens to the messages of calls; probabilities. */
export interface MessageChaos {
  /** A message comes a second time at once. */
  twice?: number;
  /** An earlier message of the same call and direction comes again. */
  again?: number;
  /** A message of a push comes after the one that follows it. */
  swap?: number;
  /** A message of any call waits for so many milliseconds at most: what is said in calls side by side arrives in another order. */
  delayMs?: number;
  /** A whole pull or push is made again later, when it is over. */
  replay?: number;
}

/** Looks on, and decides when a call goes on. */
export interface MessageWatch {
  /** Before the first message of a call is passed on, without its header. */
  asked?(path: string, request: Uint8Array): Promise<void> | undefined;
  /** A message of an answer is being passed on. */
  answering?(path: string, request: Uint8Array): void;
  /** The caller has all of the answer. */
  answered?(path: string, request: Uint8Array): void;
}

export interface MessageProxy {
  readonly port: number;
  readonly chaos: MessageChaos;
  /** How often each of it was done. */
  readonly done: Readonly<Record<keyof MessageChaos, number>>;
  /** Says what was said at the start of the newest session again, over a connection of its own; resolves when it was answered `answers` times, or sent away. */
  replaySession(messages: number, answers: number): Promise<void>;
  close(): Promise<void>;
}

/** A recorded call: what was asked, message by message. */
interface Recorded {
  readonly headers: OutgoingHttpHeaders;
  readonly messages: Buffer[];
}

/** Messages of earlier in a call that may come again: enough to be of another item. */
const remembered = 24;

/** A proxy that speaks HTTP/2 on loopback and knows where gRPC's messages begin and end. */
export async function messageProxy(
  target: number,
  chaos: MessageChaos = {},
  seed = 1,
  watch: MessageWatch = {},
): Promise<MessageProxy> {
  const random = new Random(seed);
  const done = { twice: 0, again: 0, swap: 0, delayMs: 0, replay: 0 };
  const sessions = new Set<ClientHttp2Session | ServerHttp2Session>();
  const keep = <S extends ClientHttp2Session | ServerHttp2Session>(session: S): S => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => sessions.delete(session));
    return session;
  };
  const dial = () => keep(connect(`http://127.0.0.1:${target}`));
  const happens = (what: keyof MessageChaos) => {
    if (!random.chance(chaos[what] ?? 0)) return false;
    done[what]++;
    return true;
  };
  let newest: Recorded | undefined;

  /** Passes the messages of one direction on, in their order unless told otherwise. */
  const disturbed = (to: ClientHttp2Stream | ServerHttp2Stream, isPush: boolean) => {
    const earlier: Buffer[] = [];
    let held: Buffer | undefined;
    let last: Promise<unknown> = Promise.resolve();
    const write = (message: Buffer) => {
      if (!to.destroyed && !to.writableEnded) to.write(message);
    };
    const pass = (message: Buffer) => {
      write(message);
      if (happens('twice')) write(message);
      if (earlier.length > 0 && happens('again')) write(random.pick(earlier));
      earlier.push(message);
      if (earlier.length > remembered) earlier.shift();
    };
    return {
      message(message: Buffer) {
        const waitMs = (chaos.delayMs ?? 0) * random.next();
        if (waitMs > 0) {
          done.delayMs++;
          last = last.then(() => new Promise((resolve) => setTimeout(resolve, waitMs)));
        }
        last = last.then(() => {
          if (held) {
            pass(message);
            pass(held);
            held = undefined;
          } else if (isPush && happens('swap')) held = message;
          else pass(message);
        });
      },
      end(then: () => void) {
        last = last.then(() => {
          if (held) pass(held);
          then();
        });
      },
    };
  };

  const replay = async ({ headers, messages }: Recorded) => {
    const upstream = dial();
    const stream = upstream.request(headers);
    stream.on('error', () => undefined);
    stream.resume();
    for (const message of messages) stream.write(message);
    stream.end();
    await once(stream, 'close').catch(() => undefined);
    upstream.destroy();
  };

  const forward = (upstream: ClientHttp2Session, stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    const path = String(headers[':path']);
    const recorded: Recorded = { headers: plain(headers), messages: [] };
    if (path.endsWith('/Session')) newest = recorded;
    const up = upstream.request(recorded.headers);
    for (const side of [stream, up]) side.on('error', () => undefined);
    const [there, back] = [disturbed(up, path.endsWith('/Push')), disturbed(stream, false)];
    split(stream, (message) => {
      if (recorded.messages.length < 1000) recorded.messages.push(message);
      const held = recorded.messages.length === 1 ? watch.asked?.(path, message.subarray(5)) : undefined;
      if (held) void held.then(() => there.message(message));
      else there.message(message);
    });
    // A ping that comes back says that all before it was read.
    const { session } = stream;
    stream.on('close', () => {
      const [request] = recorded.messages;
      if (request && session && !session.destroyed) session.ping(() => watch.answered?.(path, request.subarray(5)));
    });
    stream.on('end', () => there.end(() => up.end()));
    stream.on('close', () => up.close(stream.rstCode));
    let trailers: IncomingHttpHeaders | undefined;
    up.on('response', (answer, flags) => {
      if (stream.destroyed) return;
      stream.respond(plain(answer), flags & 1 ? { endStream: true } : { waitForTrailers: true });
    });
    split(up, (message) => {
      const [request] = recorded.messages;
      if (request) watch.answering?.(path, request.subarray(5));
      back.message(message);
    });
    up.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('wantTrailers', () => stream.sendTrailers(plain(trailers ?? {})));
    up.on('end', () => back.end(() => stream.end()));
    up.on('close', () => {
      if (up.rstCode !== 0) stream.close(up.rstCode);
      if (!path.endsWith('/Session') && happens('replay')) void replay(recorded);
    });
  };

  const server = createServer({ settings: { initialWindowSize: 2 ** 24 } });
  server.on('session', (session) => {
    keep(session);
    session.setLocalWindowSize(2 ** 25);
    const upstream = dial();
    upstream.once('close', () => session.destroy());
    session.once('close', () => upstream.destroy());
    session.on('stream', (stream, headers) => forward(upstream, stream, headers));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    chaos,
    done,
    async replaySession(messages, answers) {
      const upstream = dial();
      const { headers, messages: said } = newest as Recorded;
      const stream = upstream.request(headers);
      stream.on('error', () => undefined);
      let heard = 0;
      const enough = new Promise<void>((resolve) => {
        split(stream, () => {
          if (++heard === answers) resolve();
        });
        stream.once('close', resolve);
      });
      for (const message of said.slice(0, messages)) stream.write(message);
      await enough;
      upstream.destroy();
    },
    close() {
      for (const session of sessions) session.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Headers as they may be sent on: without what belongs to the connection. */
const plain = (headers: IncomingHttpHeaders): OutgoingHttpHeaders =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== ':authority' && name !== 'date'));

/** Calls `take` with each message and its five bytes of header. */
function split(stream: ServerHttp2Stream | ClientHttp2Stream, take: (message: Buffer) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  stream.on('data', (bytes: Buffer) => {
    rest = rest.length > 0 ? Buffer.concat([rest, bytes]) : bytes;
    while (rest.length >= 5) {
      const end = 5 + rest.readUInt32BE(1);
      if (rest.length < end) return;
      take(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
  });
}
