import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Random } from '../simulator/random.ts';
import { FrameWalk } from './http2-frames.ts';

/** What a proxy does to the bytes of one direction. */
export interface Disturbance {
  /** Bytes arrive so much later. */
  delayMs?: number;
  /** Each time so much more or less of it, at most. */
  jitterMs?: number;
  /** Nothing arrives any more, and nobody is told: the connection stays open. A connection that has lost bytes stays so for good: no network leaves out bytes and goes on. */
  silent?: boolean;
  /** One bit of this byte, counted over the connection's direction, is wrong. */
  flipAt?: number;
  /** So many bits will be wrong, each somewhere in the payload of an HTTP/2 DATA frame, some 10 000 bytes apart. */
  flips?: number;
  /** The connection is reset when so many bytes went by, of those that come from now on where it is set later. */
  resetAt?: number;
  /** The connection is ended when so many bytes went by, as above. */
  endAt?: number;
  /** The connection falls silent when so many bytes went by, as above. */
  silentAt?: number;
  /** Bytes a second. */
  rate?: number;
}

export interface ChaosProxy {
  readonly port: number;
  /** From whoever dials to the target. */
  readonly up: Disturbance;
  /** Back. */
  readonly down: Disturbance;
  /** Connections that came so far. */
  readonly connections: number;
  /** What it did so far. */
  readonly done: {
    readonly flipped: number;
    readonly broken: number;
    /** Bytes that never arrived. */
    readonly swallowed: number;
    /** Pieces that came later. */
    readonly delayed: number;
  };
  /** Resets all open connections. @returns how many there were */
  cut(): number;
  close(): Promise<void>;
}

/** Between two flipped bits, in bytes: less would hit every try of a transfer. */
const leastBetweenFlips = 10_000;

type Done = { -readonly [K in keyof ChaosProxy['done']]: ChaosProxy['done'][K] };

/** A proxy on 127.0.0.1 in front of port `target` of `host` (127.0.0.1), for tests of what networks do. Its settings can be changed at any time and hold for bytes to come. */
export async function chaosProxy(
  target: number,
  settings: { up?: Disturbance; down?: Disturbance; seed?: number; host?: string } = {},
): Promise<ChaosProxy> {
  const up: Disturbance = { ...settings.up };
  const down: Disturbance = { ...settings.down };
  const random = new Random(settings.seed ?? 1);
  const done: Done = { flipped: 0, broken: 0, swallowed: 0, delayed: 0 };
  const open = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((client) => {
    connections++;
    const upstream = connect(target, settings.host ?? '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }
    forward(client, upstream, up, { flipper: new Flipper(true, random), random }, done);
    forward(upstream, client, down, { flipper: new Flipper(false, random), random }, done);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    up,
    down,
    done,
    get connections() {
      return connections;
    },
    cut() {
      const { size } = open;
      for (const socket of open) socket.resetAndDestroy();
      // Each has two ends.
      return Math.ceil(size / 2);
    },
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Flips bits of what calls send; frame headers, and names and statuses of calls, stay as they are. */
class Flipper {
  readonly #walk: FrameWalk;
  readonly #random: Random;
  #since = 0;

  constructor(fromClient: boolean, random: Random) {
    this.#walk = new FrameWalk(fromClient);
    this.#random = random;
  }

  /** @returns whether a bit was flipped */
  pass(bytes: Uint8Array, wanted: boolean): boolean {
    const parts = this.#walk.take(bytes);
    this.#since += bytes.length;
    if (!wanted || parts.length === 0 || this.#since < leastBetweenFlips) return false;
    const { from, to } = this.#random.pick(parts);
    const at = this.#random.integer(from, to - 1);
    bytes[at] = (bytes[at] as number) ^ (1 << this.#random.integer(0, 7));
    this.#since = 0;
    return true;
  }
}

function forward(
  from: Socket,
  to: Socket,
  how: Disturbance,
  { flipper, random }: { flipper: Flipper; random: Random },
  done: Done,
): void {
  let passed = 0;
  let dead = false;
  /** Bytes keep their order whatever delays they have. */
  let last: Promise<void> = Promise.resolve();
  from.on('data', (chunk) => {
    dead ||= how.silent === true || counted(how, 'silentAt', chunk.length);
    if (dead) {
      done.swallowed += chunk.length;
      return;
    }
    const bytes = Buffer.from(chunk);
    const start = passed;
    passed += bytes.length;
    if (how.flipAt !== undefined && how.flipAt >= start && how.flipAt < passed) {
      const at = how.flipAt - start;
      bytes[at] = (bytes[at] as number) ^ 1;
    }
    if (flipper.pass(bytes, (how.flips ?? 0) > 0)) {
      how.flips = (how.flips as number) - 1;
      done.flipped++;
    }
    if (counted(how, 'resetAt', bytes.length)) {
      done.broken++;
      from.resetAndDestroy();
      to.resetAndDestroy();
      return;
    }
    if (counted(how, 'endAt', bytes.length)) {
      done.broken++;
      last = new Promise((resolve) => to.end(bytes.subarray(0, bytes.length >>> 1), resolve));
      from.destroy();
      return;
    }
    const jitterMs = (how.jitterMs ?? 0) * (2 * random.next() - 1);
    const waitMs = (how.delayMs ?? 0) + jitterMs + (how.rate ? (bytes.length / how.rate) * 1000 : 0);
    if (waitMs > 0) {
      done.delayed++;
      from.pause();
      last = last
        .then(() => new Promise<void>((resolve) => setTimeout(resolve, waitMs)))
        .then(() => {
          to.write(bytes);
          from.resume();
        });
    } else if (!to.write(bytes)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  });
  from.on('end', () => void last.then(() => to.end()));
  from.on('close', () => void last.then(() => to.destroy()));
}

/** Whether it is time: what is set counts down over all connections. */
function counted(how: Disturbance, which: 'resetAt' | 'endAt' | 'silentAt', bytes: number): boolean {
  const left = how[which];
  if (left === undefined) return false;
  if (bytes < left) {
    how[which] = left - bytes;
    return false;
  }
  delete how[which];
  return true;
}
