import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { create, toBinary } from '@bufbuild/protobuf';
import { BufferSink, Channel, JoinToken, pieces, pull } from '@lockstep/worker';
import { ChunkSchema, PullRequestSchema, PushChunkSchema } from '@lockstep/worker/messages';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { checksumOf } from '../packages/worker/src/exchange/chunks.ts';
import { transferSeed } from '../packages/worker/src/exchange/transfer.ts';
import { encode } from '../packages/worker/src/grpc/codec.ts';
import { seal } from '../packages/worker/src/grpc/seal.ts';
import { callHeaders, endHeaders, endStream, frame, frameType, message, RawConnection } from './support/raw-http2.ts';

// Rows F18 and F19 of the faults: whatever bytes come, the call or connection they come on ends with a status that is counted, the process lives,
// its memory stays flat and other calls go on.

const token = JoinToken.random();
let child: ChildProcess;
let address: string;
const connections: RawConnection[] = [];

interface Report {
  readonly rss: number;
  readonly refusals: Readonly<Record<string, number>>;
  readonly connections: number;
}
async function report(): Promise<Report> {
  child.send('report');
  const [answer] = (await once(child, 'message')) as [Report];
  return answer;
}
const refused = async (reason: string): Promise<number> => (await report()).refusals[reason] ?? 0;
/** Waits until so many more were refused for this reason than before the test. */
const counted = (reason: string, more = 1) =>
  expect.poll(() => refused(reason)).toBe((before.refusals[reason] ?? 0) + more);

/** Waits until the server has answered so often without that a count here has grown: each answer is a turn of its event loop, in which it reads what came. */
async function rest(count: () => number): Promise<void> {
  for (let [last, turns] = [-1, 0]; turns < 100; turns++) {
    if (count() !== last) [last, turns] = [count(), 0];
    await report();
  }
}

beforeAll(async () => {
  child = fork(fileURLToPath(new URL('./support/hostile-server.ts', import.meta.url)), {
    env: { ...process.env, TEST_TOKEN: token.reveal() },
    execArgv: ['--expose-gc'],
  });
  [{ address }] = (await once(child, 'message')) as [{ address: string }];
});
afterAll(() => child.disconnect());

let before: Report;
beforeEach(async () => {
  before = await report();
});
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close();
  expect(child.exitCode).toBeNull();
  // Others are served as ever, and what was taken is given back.
  const channel = new Channel({ address, security: { token }, expect: { role: 'worker' } });
  const sink = new BufferSink(1000);
  await pull(channel, { run: 'secret-run', term: 1, member: 1 }, pieces.job(), sink);
  channel.close();
  expect(sink.bytes.length).toBe(1000);
  await expect.poll(async () => (await report()).connections).toBe(0);
  const { rss } = await report();
  expect(rss - before.rss).toBeLessThan(128 * 2 ** 20);
});

function dial(): RawConnection {
  const connection = new RawConnection(Number(address.split(':')[1]));
  connections.push(connection);
  return connection;
}
const [pullPath, pushPath, session] = [
  '/lockstep.v1.Exchange/Pull',
  '/lockstep.v1.Exchange/Push',
  '/lockstep.v1.Training/Session',
];
const headers = (path: string, more = {}) => callHeaders(path, token.reveal(), more);

describe('bytes that are no message', () => {
  const repeat = (bytes: readonly number[], count: number) => Buffer.alloc(bytes.length * count, Buffer.from(bytes));
  test.each<[string, Buffer]>([
    ['noise', Buffer.from('ffffffffffffffffffff', 'hex')],
    ['a field that ends after the message', Buffer.from([0x0a, 0x7f, 0x41])],
    ['a field number 0', Buffer.from([0x00, 0x01])],
    ['text where a number belongs', Buffer.from([0x12, 0x01, 0x41])],
    ['a negative length', Buffer.from('0afffffffffffffffffF01', 'hex')],
    ['a varint without end', repeat([0xff], 1000)],
    ['text that is no UTF-8', Buffer.from([0x0a, 0x04, 0xc3, 0x28, 0xff, 0xfe])],
    ['groups nested 1000 deep', repeat([0x73], 1000)],
    ['groups that never end', Buffer.from([0x73, 0x74 + 8])],
  ])('%s', async (_, bytes) => {
    await dial()
      .open()
      .call(1, headers(pullPath))
      .data(1, message(seal(bytes)), true);
    await counted('INVALID_ARGUMENT');
  });

  test('a message without its checksum is not even decoded', async () => {
    await dial()
      .open()
      .call(1, headers(pullPath))
      .data(1, message(repeat([0x78, 0x01], 100)), true);
    await counted('DATA_LOSS');
  });

  test('a million unknown fields are skipped, not kept', async () => {
    const connection = dial().open().call(1, headers(pushPath));
    await connection.data(1, message(repeat([0x78, 0x01], 1_000_000)), true);
    await counted('FAILED_PRECONDITION');
  });

  test('a list of a million empty objects is too long', async () => {
    const connection = dial().open().call(1, headers(session));
    const list = repeat([0x12, 0x00], 1_000_000);
    await connection.data(1, message(seal(Buffer.concat([Buffer.from([0x22, 0x80, 0x89, 0x7a]), list]))), true);
    await counted('RESOURCE_EXHAUSTED');
  });
});

describe('more than is taken', () => {
  const exhausted = () => counted('RESOURCE_EXHAUSTED');

  test.each([
    ['5 MiB', 5 * 2 ** 20],
    ['4 GiB', 2 ** 32 - 1],
  ])('a message that says it has %s is refused by its header', async (_, length) => {
    await dial()
      .open()
      .call(1, headers(pullPath))
      .data(1, message(Buffer.alloc(0), length));
    await exhausted();
  });

  test('whoever goes on sending after that loses the stream', async () => {
    const connection = dial().open().call(1, headers(pushPath));
    await connection.data(1, message(Buffer.alloc(0), 2 ** 32 - 1));
    await exhausted();
    await expect.poll(() => connection.frames.includes(`${frameType.reset} 1`)).toBe(true);
  });

  test('a piece that nobody expects is not taken, however long it is sent', async () => {
    const connection = dial().open().call(1, headers(pushPath));
    const chunk = create(ChunkSchema, { data: new Uint8Array(1000), total: 1e9 });
    const asker = { run: 'secret-run', term: 1, member: 1 };
    chunk.checksum = checksumOf(chunk, transferSeed(asker, pieces.job()));
    const push = create(PushChunkSchema, { ...asker, piece: pieces.job(), chunk });
    const bytes = Buffer.concat(Array.from({ length: 1000 }, () => message(toBinary(PushChunkSchema, push))));
    let sent = 0;
    const sending = (async () => {
      for (; sent < 300 && !connection.socket.destroyed; sent++) await connection.data(1, bytes);
    })();
    // The window fills, and nothing more is taken.
    await rest(() => sent);
    expect(sent).toBeLessThan(60);
    connection.close();
    await sending;
  });

  test('a gzip bomb is not unpacked', async () => {
    const bomb = gzipSync(Buffer.alloc(2 ** 26));
    await dial()
      .open()
      .call(1, headers(pullPath, { 'grpc-encoding': 'gzip' }))
      .data(1, message(bomb, bomb.length, 1), true);
    await exhausted();
  });

  test('compressed bytes that are not', async () => {
    const connection = dial()
      .open()
      .call(1, headers(pullPath, { 'grpc-encoding': 'gzip' }));
    await connection.data(1, message(Buffer.from('no gzip'), 7, 1), true);
    await counted('INTERNAL');
  });

  test('100 000 streams: the connection is closed', async () => {
    const connection = dial().open();
    const block = headers(session);
    for (let k = 0; k < 100_000 && !connection.socket.destroyed; k++) {
      connection.call(2 * k + 1, block);
      if (k % 500 === 0) await new Promise(setImmediate);
    }
    await connection.closed;
  });

  test('100 000 streams that are opened and reset: the connection is closed', async () => {
    const connection = dial().open();
    const block = headers(session);
    for (let k = 0; k < 100_000 && !connection.socket.destroyed; k++) {
      connection.call(2 * k + 1, block).send(frame(frameType.reset, 0, 2 * k + 1, Buffer.from([0, 0, 0, 8])));
      if (k % 500 === 0) await new Promise(setImmediate);
    }
    await connection.closed;
  });

  test('headers without end: the connection is closed', async () => {
    const connection = dial().open();
    connection.send(frame(frameType.headers, 0, 1, headers(session)));
    for (let k = 0; k < 10_000 && !connection.socket.destroyed; k++) {
      connection.send(frame(frameType.continuation, 0, 1, Buffer.from(`\0\x01a\x7e${'b'.repeat(126)}`, 'latin1')));
      if (k % 100 === 0) await new Promise(setImmediate);
    }
    await connection.closed;
  });
});

describe('no HTTP/2', () => {
  const closedFor = async (reason: string, bytes: Buffer) => {
    const connection = dial();
    connection.send(bytes);
    await connection.closed;
    await counted(reason);
  };
  test('noise', () => closedFor('HTTP2', Buffer.alloc(5000, 'noise')));
  test('HTTP/1.1', () => closedFor('HTTP2', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')));
  test('a TLS handshake', () => closedFor('HTTP2', Buffer.from('16030100050100000103', 'hex')));
  test('a first frame of the wrong kind', () =>
    closedFor(
      'HTTP2',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(frameType.data, 0, 7, Buffer.alloc(10))]),
    ));
  test('a frame that is longer than allowed', () => {
    const long = frame(frameType.data, 0, 1, Buffer.alloc(20_000));
    return closedFor(
      'HTTP2',
      Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(frameType.settings, 0, 0), long]),
    );
  });
  test('a preface that comes byte by byte', async () => {
    const connection = dial();
    for (const byte of 'PRI * HTTP/2.0\r\n\r\nS') {
      connection.send(Buffer.from(byte));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await connection.closed;
    await counted('HANDSHAKE_TIMEOUT');
  });
});

test('a good call with any bytes of it changed, cut out or doubled ends somehow', async () => {
  const request = encode(
    PullRequestSchema,
    create(PullRequestSchema, { run: 'secret-run', term: 1, member: 1, piece: pieces.job() }),
  );
  const good = Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(frameType.settings, 0, 0),
    frame(frameType.headers, endHeaders, 1, headers(pullPath)),
    frame(frameType.data, endStream, 1, message(request)),
  ]);
  const change = fc.record({
    at: fc.nat(good.length - 1),
    byte: fc.nat(255),
    cut: fc.nat(3),
    insert: fc.uint8Array({ maxLength: 3 }),
  });
  const attempts = fc.sample(fc.array(change, { minLength: 1, maxLength: 3 }), { numRuns: 300, seed: 20251125 });
  for (const changes of attempts) {
    let bytes = good;
    for (const { at, byte, cut, insert } of changes)
      bytes = Buffer.concat([bytes.subarray(0, at), Buffer.from([byte]), insert, bytes.subarray(at + cut)]);
    dial().send(bytes).socket.end();
  }
  await Promise.all(connections.map(({ closed }) => closed));
});

describe('without the token', () => {
  test('nothing of a body is looked at, and the connection ends', async () => {
    const connection = dial().open().call(1, callHeaders(pushPath, ''));
    const sending = (async () => {
      while (!connection.socket.destroyed) await connection.data(1, Buffer.alloc(2 ** 20));
    })();
    await connection.closed;
    await sending;
    const now = await report();
    expect(now.refusals.UNAUTHENTICATED).toBe((before.refusals.UNAUTHENTICATED ?? 0) + 1);
    expect(now.refusals.INVALID_ARGUMENT ?? 0).toBe(before.refusals.INVALID_ARGUMENT ?? 0);
  });

  test('a path that does not exist, and another content type, tell nothing', async () => {
    const connection = dial().open();
    connection.call(1, callHeaders('/lockstep.v1.Exchange/Dump', ''), endHeaders | endStream);
    connection.call(3, callHeaders('/', '', { 'content-type': 'text/html' }), endHeaders | endStream);
    await counted('UNIMPLEMENTED');
    await connection.closed;
  });
});
