import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What a proxy does to the bytes of one direction. */
export interface Disturbance {
  /** Bytes arrive so much later. */
  delayMs?: number;
  /** Nothing arrives any more, and nobody is told: the connection stays open. */
  silent?: boolean;
  /** One bit of this byte, counted over the connection's direction, is wrong. */
  flipAt?: number;
  /** The connection is reset when so many bytes went by. */
  resetAt?: number;
  /** The connection is ended when so many bytes went by. */
  endAt?: number;
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
  /** Resets all open connections. */
  cut(): void;
  close(): Promise<void>;
}

/** A proxy on loopback in front of `target`, for tests of what networks do. Its settings can be changed at any time and hold for bytes to come. */
export async function chaosProxy(
  target: number,
  settings: { up?: Disturbance; down?: Disturbance } = {},
): Promise<ChaosProxy> {
  const up: Disturbance = { ...settings.up };
  const down: Disturbance = { ...settings.down };
  const open = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((client) => {
    connections++;
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => open.delete(socket));
    }
    forward(client, upstream, up);
    forward(upstream, client, down);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    up,
    down,
    get connections() {
      return connections;
    },
    cut() {
      for (const socket of open) socket.resetAndDestroy();
    },
    close() {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function forward(from: Socket, to: Socket, how: Disturbance): void {
  let passed = 0;
  /** Bytes keep their order whatever delays they have. */
  let last: Promise<void> = Promise.resolve();
  from.on('data', (chunk) => {
    if (how.silent) return;
    const bytes = Buffer.from(chunk);
    const start = passed;
    passed += bytes.length;
    if (how.flipAt !== undefined && how.flipAt >= start && how.flipAt < passed) {
      const at = how.flipAt - start;
      bytes[at] = (bytes[at] as number) ^ 1;
    }
    if (how.resetAt !== undefined && passed >= how.resetAt) {
      delete how.resetAt;
      from.resetAndDestroy();
      to.resetAndDestroy();
      return;
    }
    if (how.endAt !== undefined && passed >= how.endAt) {
      delete how.endAt;
      from.destroy();
      to.end();
      return;
    }
    const waitMs = (how.delayMs ?? 0) + (how.rate ? (bytes.length / how.rate) * 1000 : 0);
    if (waitMs > 0) {
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
