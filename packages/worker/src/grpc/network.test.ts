import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { create } from '@bufbuild/protobuf';
import { afterEach, describe, expect, test } from 'vitest';
import { chaosProxy } from '../../../../test/support/chaos-proxy.ts';
import { Exchange, PullRequestSchema } from '../gen/lockstep/v1/exchange_pb.ts';
import { dialTarget, parseAddress } from './address.ts';
import { Channel } from './channel.ts';
import { defaultLimits, keepaliveOf } from './limits.ts';
import { reach } from './reach.ts';
import { type GrpcServer, serve, served } from './server.ts';
import { status } from './status-error.ts';

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(address: string, limits = {}): Promise<GrpcServer> {
  const server = await serve({
    address,
    security: {},
    limits,
    services: [
      served(
        Exchange,
        {
          // Ends at once, or when the caller is gone.
          pull: ({ run }, _, { signal }) =>
            run === 'wait'
              ? new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
              : Promise.resolve(),
          push: () => Promise.reject(new Error('unused')),
        },
        [],
      ),
    ],
  });
  closing.push(() => server.close());
  return server;
}

function dial(address: string, limits = {}): Channel {
  const channel = new Channel({ address, security: {}, expect: { role: 'worker' }, limits });
  closing.push(() => channel.close());
  return channel;
}
const call = (channel: Channel, run = '') =>
  channel.serverStream(Exchange.method.pull, create(PullRequestSchema, { run })).next();
const portOf = (address: string) => parseAddress(address).port;

describe('addresses', () => {
  const linkLocal = Object.entries(networkInterfaces())
    .flatMap(([name, all]) => (all ?? []).map((one) => ({ name, ...one })))
    .find(({ address, family }) => family === 'IPv6' && address.startsWith('fe80'));

  test.each(['127.0.0.1:0', 'localhost:0', '[::1]:0', '[::ffff:127.0.0.1]:0', '0.0.0.0:0', '[::]:0'])(
    'listens on %s and is called there',
    async (address) => {
      const server = await start(address);
      const { host } = parseAddress(address);
      expect(parseAddress(server.address)).toEqual({ host, port: portOf(server.address) });
      const there =
        host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '[::1]' : host.includes(':') ? `[${host}]` : host;
      await call(dial(`${there}:${portOf(server.address)}`));
      // Both families reach one that listens on all.
      if (host === '::') await call(dial(`127.0.0.1:${portOf(server.address)}`));
    },
  );

  test('a link-local address can be listened on, and is refused where it is dialled', async () => {
    const { address, name } = linkLocal ?? { address: '127.0.0.1', name: '' };
    const server = await start(name ? `[${address}%${name}]:0` : `${address}:0`);
    expect(portOf(server.address)).toBeGreaterThan(0);
    expect(() => dialTarget(parseAddress('[fe80::1%eth0]:7000'))).toThrow('is link-local');
    await expect(reach('[fe80::1%eth0]:7000')).rejects.toThrow('is link-local');
    await expect(reach('[fe80::1]:7000', 2000)).rejects.toThrow('[fe80::1]:7000 cannot be reached');
  });

  test.each([
    'unix:/run/docker.sock',
    'dns:///evil:53',
    '10.0.0.5',
    '10.0.0.5:',
    '10.0.0.5:70000',
    '::1:7000',
    '[10.0.0.5]:1',
    '[::1]',
    'a b:1',
    'host:1/path',
    'host:1\n',
    '',
    `${'a'.repeat(300)}:1`,
    '[fe80::1%$(id)]:1',
  ])('%j is none', (text) => {
    expect(() => parseAddress(text)).toThrow('is no address');
  });
});

describe('what is wrong is named', () => {
  test('a port in use', async () => {
    const server = await start('127.0.0.1:0');
    await expect(start(server.address)).rejects.toThrow(`cannot listen on ${server.address}: the port is in use`);
  });

  test('an address of another machine', () =>
    expect(start('192.0.2.1:0')).rejects.toThrow('this machine has no such address'));

  test('nobody there, a name that does not exist', async () => {
    const server = await start('127.0.0.1:0');
    await reach(server.address);
    await server.close();
    await expect(reach(server.address)).rejects.toThrow(`${server.address} cannot be reached: nobody listens there`);
    await expect(reach('no-such-host.invalid:7000')).rejects.toThrow(
      /^no-such-host\.invalid:7000 cannot be reached: the name/,
    );
    await expect(call(dial('no-such-host.invalid:7000'))).rejects.toMatchObject({ status: status.UNAVAILABLE });
  });

  test('a network that says nothing', async () => {
    // An address of documentation: packets to it are lost, or there is no way to it at all.
    await expect(reach('192.0.2.1:7000', 300)).rejects.toThrow('192.0.2.1:7000 cannot be reached');
  });
});

describe('a connection that goes silent', () => {
  const limits = { keepaliveMs: 150, keepaliveTimeoutMs: 300 };

  test.each(['up', 'down'] as const)('%s: both sides notice', async (direction) => {
    const server = await start('127.0.0.1:0', limits);
    const proxy = await chaosProxy(portOf(server.address));
    closing.push(() => proxy.close());
    const channel = dial(`127.0.0.1:${proxy.port}`, limits);
    const waiting = call(channel, 'wait');
    waiting.catch(() => {});
    await expect.poll(() => server.connections).toBe(1);
    // Both directions: the other side would be told by the proxy otherwise.
    proxy[direction].silent = true;
    await expect(waiting).rejects.toMatchObject({ status: status.UNAVAILABLE });
    await expect.poll(() => server.connections).toBe(0);
  });

  test('while nothing is called', async () => {
    const server = await start('127.0.0.1:0', limits);
    const proxy = await chaosProxy(portOf(server.address));
    closing.push(() => proxy.close());
    await call(dial(`127.0.0.1:${proxy.port}`, limits));
    expect(server.connections).toBe(1);
    proxy.up.silent = true;
    proxy.down.silent = true;
    await expect.poll(() => server.connections).toBe(0);
  });
});

test('a channel that is renewed calls over a new connection, while the old one is half open and nobody has noticed', async () => {
  const server = await start('127.0.0.1:0');
  const proxy = await chaosProxy(portOf(server.address));
  closing.push(() => proxy.close());
  const channel = dial(`127.0.0.1:${proxy.port}`);
  await call(channel);
  proxy.up.silent = true;
  const lost = call(channel);
  lost.catch(() => {});
  await expect.poll(() => proxy.done.swallowed).toBeGreaterThan(0);
  proxy.up.silent = false;
  channel.renew();
  await call(channel);
  expect(proxy.connections).toBe(2);
});

test('transfers notice a half-open connection within three leases of a run, and the default limits where leases are long', () => {
  expect(keepaliveOf(1500)).toEqual({ keepaliveMs: 1500, keepaliveTimeoutMs: 3000 });
  expect(keepaliveOf(100)).toEqual({ keepaliveMs: 1000, keepaliveTimeoutMs: 2000 });
  const { keepaliveMs, keepaliveTimeoutMs } = defaultLimits;
  for (const leaseMs of [10_000, 60_000]) expect(keepaliveOf(leaseMs)).toEqual({ keepaliveMs, keepaliveTimeoutMs });
});

test('a channel dials again after its connection was cut', async () => {
  const server = await start('127.0.0.1:0');
  const proxy = await chaosProxy(portOf(server.address));
  closing.push(() => proxy.close());
  const channel = dial(`127.0.0.1:${proxy.port}`);
  await call(channel);
  proxy.cut();
  await expect
    .poll(
      () =>
        call(channel).then(
          () => 'answered',
          () => 'cut',
        ),
      { timeout: 10_000 },
    )
    .toBe('answered');
  expect(proxy.connections).toBe(2);
});

test('a peer that is gone in the middle of a call has broken no rule', async () => {
  const server = await start('127.0.0.1:0');
  const proxy = await chaosProxy(portOf(server.address));
  closing.push(() => proxy.close());
  const waiting = call(dial(`127.0.0.1:${proxy.port}`), 'wait');
  waiting.catch(() => {});
  await expect.poll(() => server.connections).toBe(1);
  proxy.cut();
  await expect(waiting).rejects.toMatchObject({ status: status.UNAVAILABLE });
  await expect.poll(() => server.connections).toBe(0);
  expect(server.refusals.toJSON()).toEqual({});
});

test('more connections than allowed are closed and counted', async () => {
  const server = await start('127.0.0.1:0', { connections: 3 });
  const sockets: Socket[] = Array.from({ length: 5 }, () => connect(portOf(server.address), '127.0.0.1'));
  closing.push(() => sockets.map((socket) => socket.destroy()));
  for (const socket of sockets) socket.on('error', () => {});
  await expect.poll(() => server.refusals.of('CONNECTIONS')).toBe(2);
  expect(server.connections).toBe(3);
});
