import { connect, type Socket } from 'node:net';

// HTTP/2 by hand, to say what no client library would.

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
};
export const endStream = 1;
export const endHeaders = 4;

/** One frame: its length and type are as given, not as they should be. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array()): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

const literal = (text: string): Buffer => {
  const bytes = Buffer.from(text, 'latin1');
  if (bytes.length > 126) throw new RangeError('too long for one length byte');
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
};

/** Header fields, each spelled out. */
export const headerBlock = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.from([0]), literal(name), literal(value)]));

export const callHeaders = (path: string, token: string, more: Readonly<Record<string, string>> = {}): Buffer =>
  headerBlock({
    ':method': 'POST',
    ':scheme': 'http',
    ':path': path,
    ':authority': 'localhost',
    'content-type': 'application/grpc',
    te: 'trailers',
    ...(token && { 'lockstep-token': token }),
    ...more,
  });

/** A gRPC message with its frame header; the length may be a lie. */
export function message(payload: Uint8Array, length = payload.length, compressed = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = compressed;
  header.writeUInt32BE(length, 1);
  return Buffer.concat([header, payload]);
}

/** A connection that notes which frames came, and whether it was closed. */
export class RawConnection {
  readonly socket: Socket;
  readonly closed: Promise<void>;
  /** `type stream` of what came, e.g. `3 1` for a reset of stream 1. */
  readonly frames: string[] = [];
  #opened = false;
  #rest = Buffer.alloc(0);
  #window = 65535;
  #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => this.#read(bytes));
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
    this.closed.then(() => this.#wake());
  }

  /** Preface and empty settings. */
  open(): this {
    this.#opened = true;
    this.socket.write(preface);
    return this.send(frame(frameType.settings, 0, 0));
  }

  send(...parts: readonly Uint8Array[]): this {
    if (!this.socket.destroyed) this.socket.write(Buffer.concat(parts));
    return this;
  }

  /** A call that is not ended. */
  call(stream: number, headers: Buffer, flags = endHeaders): this {
    return this.send(frame(frameType.headers, flags, stream, headers));
  }

  /** Bytes in frames of 16 KiB; waits for the connection's window and the socket, not for the stream's. */
  async data(stream: number, bytes: Uint8Array, last = false): Promise<void> {
    for (let at = 0; at < bytes.length || (at === 0 && last); at += 16384) {
      const part = bytes.subarray(at, at + 16384);
      while (this.#window < part.length && !this.socket.destroyed)
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      if (this.socket.destroyed) return;
      this.#window -= part.length;
      const end = last && at + 16384 >= bytes.length ? endStream : 0;
      if (!this.socket.write(frame(frameType.data, end, stream, part)))
        await new Promise<void>((resolve) => this.socket.once('drain', resolve).once('close', () => resolve()));
    }
  }

  close(): void {
    this.socket.destroy();
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      const [type, flags, stream] = [this.#rest[3] as number, this.#rest[4] as number, this.#rest.readUInt32BE(5)];
      const payload = this.#rest.subarray(9, 9 + length);
      this.#rest = this.#rest.subarray(9 + length);
      if (this.frames.length < 10_000) this.frames.push(`${type} ${stream}`);
      if (type === frameType.windowUpdate && stream === 0) this.#window += payload.readUInt32BE(0);
      if (this.#opened && type === frameType.settings && (flags & 1) === 0) this.send(frame(frameType.settings, 1, 0));
    }
    this.#wake();
  }

  #wake(): void {
    const woken = this.#waiting;
    this.#waiting = [];
    for (const resolve of woken) resolve();
  }
}
