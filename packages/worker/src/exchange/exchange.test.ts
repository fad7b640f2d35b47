import { afterEach, expect, test } from 'vitest';
import { chaosProxy, type Disturbance } from '../../../../test/support/chaos-proxy.ts';
import { messageProxy } from '../../../../test/support/message-proxy.ts';
import { Encoding, Exchange } from '../gen/lockstep/v1/exchange_pb.ts';
import { Channel } from '../grpc/channel.ts';
import type { Limits } from '../grpc/limits.ts';
import { Refusals } from '../grpc/refusals.ts';
import { type GrpcServer, serve, served } from '../grpc/server.ts';
import { type StatusError, status } from '../grpc/status-error.ts';
import { Board } from './board.ts';
import { chunkBytes } from './chunks.ts';
import { Desk } from './desk.ts';
import { exchangeService } from './exchange-service.ts';
import { bytesSource, vectorSource } from './piece-source.ts';
import { pieces } from './pieces.ts';
import { Publication } from './publication.ts';
import { pull } from './pull.ts';
import { push } from './push.ts';
import { BufferSink, vectorSink } from './sink.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function member() {
  const [board, desk] = [new Board(), new Desk()];
  board.moveTerm(1);
  desk.moveTerm(1);
  const traffic = { sent: 0, sums: 0, received: 0 };
  const refusals = new Refusals();
  const isMember = (member: number) => member < 10;
  const service = exchangeService({ run: () => 'run', board, desk, traffic, refusals, isMember });
  const server = await serve({
    address: '127.0.0.1:0',
    security: {},
    refusals,
    services: [served(Exchange, service, ['worker', 'coordinator'])],
  });
  closing.push(() => {
    board.close();
    desk.close();
    return server.close();
  });
  return { board, desk, server, traffic };
}

function dial({ address }: Pick<GrpcServer, 'address'>, limits: Partial<Limits> = {}): Channel {
  const channel = new Channel({ address, security: {}, expect: { role: 'worker' }, limits });
  closing.push(() => channel.close());
  return channel;
}

const asker = { run: 'run', term: 1, member: 3 };
const node = pieces.node(1, { lo: 0, hi: 4 });
const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.fround(Math.sqrt(i)));

test('a vector arrives while it becomes ready, in slices', async () => {
  const { board, server, traffic } = await member();
  const vector = numbers(1_000_000);
  const channel = dial(server);
  const got = new Float32Array(vector.length);
  const cut = 333_333;
  const progress: number[] = [];
  const first = pull(
    channel,
    asker,
    pieces.node(1, { lo: 0, hi: 4 }, { from: 0, to: cut }),
    vectorSink(got, undefined, 0, cut),
    {
      onProgress: (bytes) => progress.push(bytes),
    },
  );
  const rest = pull(
    channel,
    { ...asker, member: 4 },
    pieces.node(1, { lo: 0, hi: 4 }, { from: cut, to: vector.length }),
    vectorSink(got, undefined, cut),
  );
  const publication = board.publish(node, vectorSource(vector), 0);
  publication.advance(200_000);
  await expect.poll(() => progress.length).toBe(1);
  publication.finish();
  await Promise.all([first, rest]);
  expect(got).toEqual(vector);
  expect(traffic.sent).toBe(4 * vector.length);
});

test('a push over three channels arrives whole, also when it comes before it is expected', async () => {
  const { desk, server } = await member();
  const vector = new Float32Array(
    Uint32Array.from({ length: 900_000 }, (_, i) => Math.imul(i, 2654435761) & 0x3fff0000).buffer,
  );
  const format = { rounded: vector.length };
  const sending = push(
    [dial(server), dial(server), dial(server)],
    asker,
    node,
    new Publication(vectorSource(vector, format)),
  );
  const got = new Float32Array(vector.length);
  await desk.expect(3, node, vectorSink(got, format));
  await sending;
  expect(Buffer.compare(Buffer.from(got.buffer), Buffer.from(vector.buffer))).toBe(0);
});

test('the term moving on ends pulls and pushes with ABORTED', async () => {
  const { board, desk, server } = await member();
  const channel = dial(server);
  const pulling = pull(channel, asker, node, new BufferSink(10));
  const pushing = push([channel], asker, node, new Publication(bytesSource(new Uint8Array(10))));
  const expecting = desk.expect(3, pieces.outputs(1, { lo: 0, hi: 1 }), new BufferSink(10));
  const results = Promise.allSettled([pulling, pushing, expecting]);
  await expect.poll(() => server.connections).toBe(1);
  board.moveTerm(2);
  desk.moveTerm(2);
  for (const result of await results)
    expect(result).toMatchObject({ status: 'rejected', reason: { status: status.ABORTED } });
});

test('calls of another run or in the name of a stranger are refused and counted', async () => {
  const { board, server } = await member();
  board.publish(node, bytesSource(new Uint8Array(10)));
  const channel = dial(server);
  const ask = (change: object) => pull(channel, { ...asker, ...change }, node, new BufferSink(10));
  await expect(ask({ run: 'other' })).rejects.toMatchObject({ status: status.FAILED_PRECONDITION });
  await expect(ask({ member: 99 })).rejects.toMatchObject({ status: status.PERMISSION_DENIED });
  await expect(ask({ term: 0 })).rejects.toMatchObject({ status: status.ABORTED });
  await ask({});
  await expect.poll(() => server.refusals.toJSON()).toEqual({ FAILED_PRECONDITION: 1, PERMISSION_DENIED: 1, STALE: 1 });
});

test('pushes and pulls of old terms and items that are sent again change nothing and are counted', async () => {
  const { board, desk, server } = await member();
  const vector = numbers(1000);
  const got = new Float32Array(1000);
  const channel = dial(server);
  const [old, now] = [pieces.node(1, { lo: 0, hi: 4 }), pieces.node(2, { lo: 0, hi: 4 })];
  const publication = new Publication(vectorSource(vector));
  const arrived = desk.expect(3, old, vectorSink(got));
  await push([channel], asker, old, publication);
  await arrived;
  // The reply was lost, and it is sent again: the bytes are here.
  got.fill(7);
  await push([channel], asker, old, publication);
  expect(got).toEqual(new Float32Array(1000).fill(7));
  board.publish(old, vectorSource(vector));
  board.publish(now, vectorSource(vector));
  board.release(2);
  await expect(pull(channel, asker, old, new BufferSink(4000))).rejects.toMatchObject({ status: status.ABORTED });
  board.moveTerm(2);
  desk.moveTerm(2);
  await expect(push([channel], asker, old, publication)).rejects.toMatchObject({ status: status.ABORTED });
  await expect(pull(channel, asker, now, new BufferSink(4000))).rejects.toMatchObject({ status: status.ABORTED });
  expect(server.refusals.of('STALE')).toBe(3);
});

async function disturbed(server: GrpcServer, down: Disturbance): Promise<Channel> {
  const proxy = await chaosProxy(Number(server.address.split(':')[1]), { down });
  closing.push(() => proxy.close());
  return dial({ address: `127.0.0.1:${proxy.port}` });
}

test.each<[string, Disturbance]>([
  ['reset', { resetAt: 5_000_000 }],
  ['closed', { endAt: 5_000_000 }],
])('a connection that is %s in mid-piece goes on where it broke', async (_, down) => {
  const { board, server, traffic } = await member();
  const vector = numbers(2_000_000);
  board.publish(node, vectorSource(vector));
  const got = new Float32Array(vector.length);
  const breaks: StatusError[] = [];
  await pull(await disturbed(server, down), asker, node, vectorSink(got), { onRetry: (error) => breaks.push(error) });
  expect(got).toEqual(vector);
  expect(breaks.map((error) => error.status)).toEqual([status.UNAVAILABLE]);
  // Some chunks were on their way.
  expect(traffic.sent).toBeLessThan(1.9 * 4 * vector.length);
});

test.each(['pull', 'push'] as const)(
  'a connection that falls silent in the middle of a %s is given up, and the transfer goes on over a new one',
  async (direction) => {
    const { board, desk, server } = await member();
    const disturbance = { silentAt: 3_000_000 };
    const side = direction === 'pull' ? { down: disturbance } : { up: disturbance };
    const proxy = await chaosProxy(Number(server.address.split(':')[1]), side);
    closing.push(() => proxy.close());
    const channel = dial({ address: `127.0.0.1:${proxy.port}` }, { keepaliveMs: 150, keepaliveTimeoutMs: 300 });
    const vector = numbers(2_000_000);
    const got = new Float32Array(vector.length);
    const breaks: StatusError[] = [];
    const options = { onRetry: (error: StatusError) => breaks.push(error) };
    if (direction === 'pull') {
      board.publish(node, vectorSource(vector));
      await pull(channel, asker, node, vectorSink(got), options);
    } else {
      const arrived = desk.expect(3, node, vectorSink(got));
      await push([channel], asker, node, new Publication(vectorSource(vector)), options);
      await arrived;
    }
    expect(got).toEqual(vector);
    expect(breaks.map((error) => error.status)).toEqual([status.UNAVAILABLE]);
    expect(proxy.done.swallowed).toBeGreaterThan(0);
    expect(proxy.connections).toBe(2);
  },
);

test('a bit that flips on the way is noticed and the chunk fetched again', async () => {
  const { board, server } = await member();
  const vector = numbers(1_000_000);
  board.publish(node, vectorSource(vector));
  const got = new Float32Array(vector.length);
  const breaks: StatusError[] = [];
  const channel = await disturbed(server, { flipAt: 2_000_000 });
  await pull(channel, asker, node, vectorSink(got), { onRetry: (error) => breaks.push(error) });
  expect(got).toEqual(vector);
  expect(breaks.map((error) => error.status)).toEqual([status.DATA_LOSS]);
});

test('chunks of a push and of a pull that come twice, again and in another order', async () => {
  const { board, desk, server } = await member();
  const proxy = await messageProxy(Number(server.address.split(':')[1]), {
    twice: 0.3,
    again: 0.3,
    swap: 0.5,
    replay: 1,
  });
  closing.push(() => proxy.close());
  const channel = dial({ address: `127.0.0.1:${proxy.port}` });
  const vector = numbers(100_000);
  const got = new Float32Array(vector.length);
  const arrived = desk.expect(3, node, vectorSink(got));
  await push([channel], asker, node, new Publication(vectorSource(vector)), { size: 16_000 });
  await arrived;
  expect(got).toEqual(vector);
  board.publish(node, vectorSource(vector));
  got.fill(0);
  await pull(channel, asker, node, vectorSink(got), { tries: 20 });
  expect(got).toEqual(vector);
  expect(proxy.done.swap).toBeGreaterThan(3);
  expect(proxy.done.twice).toBeGreaterThan(3);
});

test('a piece that is withdrawn in the middle is not delivered', async () => {
  const { board, server } = await member();
  const publication = board.publish(node, vectorSource(numbers(chunkBytes)), 1000);
  const pulling = pull(dial(server), asker, node, vectorSink(new Float32Array(chunkBytes)));
  const result = expect(pulling).rejects.toMatchObject({ status: status.ABORTED });
  publication.withdraw();
  await result;
});

test('a peer that is not there is named after a few tries', async () => {
  const { server } = await member();
  await server.close();
  await expect(pull(dial(server), asker, node, new BufferSink(10), { tries: 2 })).rejects.toThrow(
    new RegExp(`^${server.address}: .*ECONNREFUSED`),
  );
});

test('a piece over the limit or of an unexpected kind is refused before memory is taken', async () => {
  const { board, server } = await member();
  board.publish(pieces.job(), bytesSource(new Uint8Array(1000), Encoding.MSGPACK));
  const channel = dial(server);
  await expect(pull(channel, asker, pieces.job(), new BufferSink(999, [Encoding.MSGPACK]))).rejects.toThrow(
    'limit of 999',
  );
  await expect(pull(channel, asker, pieces.job(), new BufferSink(1000))).rejects.toThrow('encoding');
});
