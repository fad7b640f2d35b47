import { create } from '@bufbuild/protobuf';
import { afterEach, expect, test } from 'vitest';
import {
  ChunkSchema,
  Exchange,
  PullRequestSchema,
  PushChunkSchema,
  PushReplySchema,
} from '../gen/lockstep/v1/exchange_pb.ts';
import { AliveSchema, FromCoordinatorSchema, FromWorkerSchema, Training } from '../gen/lockstep/v1/training_pb.ts';
import { Channel } from './channel.ts';
import type { Implementation } from './handlers.ts';
import { JoinToken } from './join-token.ts';
import { type GrpcServer, serve, served } from './server.ts';
import { StatusError, status } from './status-error.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const token = JoinToken.random();

async function start(implementation: Partial<Implementation<typeof Exchange>>, training = {}): Promise<GrpcServer> {
  const never = () => Promise.reject(new Error('not part of this test'));
  const server = await serve({
    address: '127.0.0.1:0',
    security: { token },
    services: [
      served(Exchange, { pull: never, push: never, ...implementation }, ['coordinator', 'worker']),
      served(Training, { session: never, ...training }, ['worker']),
    ],
  });
  closing.push(() => server.close());
  return server;
}

function dial(server: GrpcServer, security = { token }): Channel {
  const channel = new Channel({ address: server.address, security, expect: { role: 'coordinator' } });
  closing.push(() => channel.close());
  return channel;
}

test('a server stream delivers messages in order and stops when it is left', async () => {
  let aborted = false;
  const server = await start({
    async pull(request, send, { signal, peer }) {
      expect(peer.address).toMatch(/^127\.0\.0\.1:\d+$/);
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      for (let offset = 0; ; offset++)
        await send(create(ChunkSchema, { offset, data: new TextEncoder().encode(request.run) }));
    },
  });
  const channel = dial(server);
  let count = 0;
  for await (const chunk of channel.serverStream(Exchange.method.pull, create(PullRequestSchema, { run: 'r' }))) {
    expect(chunk.offset).toBe(count);
    expect([...chunk.data]).toEqual([114]);
    if (++count === 100) break;
  }
  await expect.poll(() => aborted).toBe(true);
});

test('a sender waits for its receiver', async () => {
  let sent = 0;
  const server = await start({
    async pull(_, send) {
      for (; sent < 200; sent++) await send(create(ChunkSchema, { offset: sent, data: new Uint8Array(1 << 20) }));
    },
  });
  const stream = dial(server).serverStream(Exchange.method.pull, create(PullRequestSchema));
  let taken = 0;
  let furthest = 0;
  for await (const { data } of stream) {
    taken += data.length > 0 ? 1 : 0;
    // Sending costs the sender nothing: were it not made to wait, it would be at its end before anything is here.
    furthest = Math.max(furthest, sent - taken);
  }
  expect(taken).toBe(200);
  expect(furthest).toBeLessThan(120);
});

test('a client stream is answered once', async () => {
  const server = await start({
    async push(requests) {
      let bytes = 0;
      for await (const { chunk } of requests) bytes += chunk?.data.length ?? 0;
      return create(PushReplySchema, { received: bytes });
    },
  });
  const call = dial(server).clientStream(Exchange.method.push);
  for (let k = 0; k < 10; k++)
    await call.send(create(PushChunkSchema, { chunk: create(ChunkSchema, { data: new Uint8Array(1 << 20) }) }));
  expect((await call.finish()).received).toBe(10 * 2 ** 20);
});

test('a conversation goes both ways, and ends when the other side ends it', async () => {
  const server = await start({}, {
    async session(requests, send) {
      for await (const { term } of requests) {
        if (term === 3) return;
        await send(create(FromCoordinatorSchema, { term, message: { case: 'alive', value: create(AliveSchema) } }));
      }
    },
  } satisfies Implementation<typeof Training>);
  const { send, messages } = dial(server).bidi(Training.method.session);
  const terms: number[] = [];
  await send(create(FromWorkerSchema, { term: 1 }));
  for await (const { term, message } of messages) {
    expect(message.case).toBe('alive');
    terms.push(term);
    await send(create(FromWorkerSchema, { term: term + 1 }));
  }
  expect(terms).toEqual([1, 2]);
  await expect(send(create(FromWorkerSchema, { term: 9 }))).rejects.toThrow('the call is over');
});

test('a refusal arrives with its status and sentence, an unforeseen error without its text', async () => {
  let reason: Error = new StatusError(status.FAILED_PRECONDITION, 'term 3 is over: it is 4');
  const server = await start({ pull: () => Promise.reject(reason) });
  const pull = () => dial(server).serverStream(Exchange.method.pull, create(PullRequestSchema)).next();
  await expect(pull()).rejects.toMatchObject({
    status: status.FAILED_PRECONDITION,
    message: `${server.address}: term 3 is over: it is 4`,
  });
  reason = new Error('ENOENT /home/somebody');
  await expect(pull()).rejects.toMatchObject({ status: status.INTERNAL, message: `${server.address}: internal error` });
  expect(server.refusals.toJSON()).toEqual({ FAILED_PRECONDITION: 1, INTERNAL: 1 });
});

test('an absent or wrong token is refused, and the connection closed', async () => {
  const server = await start({});
  for (const security of [{}, { token: JoinToken.random() }]) {
    const call = dial(server, security as { token: JoinToken })
      .serverStream(Exchange.method.pull, create(PullRequestSchema))
      .next();
    await expect(call).rejects.toMatchObject({ status: status.UNAUTHENTICATED });
  }
  expect(server.refusals.of('UNAUTHENTICATED')).toBe(2);
  await expect.poll(() => server.connections).toBe(0);
});

test('the end of a server ends its calls', async () => {
  const server = await start({
    pull: (_, __, { signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  });
  const call = dial(server).serverStream(Exchange.method.pull, create(PullRequestSchema)).next();
  call.catch(() => {});
  await expect.poll(() => server.connections).toBe(1);
  await server.close();
  await expect(call).rejects.toMatchObject({ status: status.UNAVAILABLE });
  await expect(dial(server).serverStream(Exchange.method.pull, create(PullRequestSchema)).next()).rejects.toThrow(
    /ECONNREFUSED/,
  );
});
