import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { create } from '@bufbuild/protobuf';
import {
  Channel,
  checkListen,
  type GrpcServer,
  type Identity,
  JoinToken,
  type Security,
  serve,
  served,
  status,
} from '@lockstep/worker';
import { Exchange, PullRequestSchema, Training } from '@lockstep/worker/messages';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../packages/coordinator/src/certs/authority.ts';

// Who may take part, row F20 of the faults: every wrong one is turned away before it learns anything of the run, and is counted.

const token = JoinToken.random();
let ours: KeyedCertificate;
let theirs: KeyedCertificate;
let server: GrpcServer;
let calls = 0;

const tlsBy = async (authority: KeyedCertificate, identity: Identity, options: { from?: Date; ca?: string } = {}) => {
  const { certificate, key } = await issueCertificate(authority, { identity, hosts: [], days: 1, ...options });
  return {
    ca: Buffer.from(options.ca ?? ours.certificate),
    certificate: Buffer.from(certificate),
    key: Buffer.from(key),
  };
};
const worker = { role: 'worker', name: 'w' } as const;
const coordinator = { role: 'coordinator', name: '' } as const;

beforeAll(async () => {
  [ours, theirs] = [await createAuthority(10), await createAuthority(10)];
  server = await serve({
    address: '127.0.0.1:0',
    security: { tls: await tlsBy(ours, coordinator), token },
    limits: { handshakeMs: 500 },
    services: [
      served(
        Exchange,
        {
          pull: async (_, __, { peer }) => {
            calls++;
            expect(peer.identity).toEqual(worker);
          },
          push: () => Promise.reject(new Error('unused')),
        },
        ['worker'],
      ),
      served(Training, { session: () => Promise.reject(new Error('unused')) }, ['worker']),
    ],
  });
});
afterAll(() => server.close());

async function call(security: Security, expected: Identity['role'] = 'coordinator', name?: string): Promise<void> {
  const channel = new Channel({ address: server.address, security, expect: { role: expected, name } });
  try {
    await channel
      .serverStream(Exchange.method.pull, create(PullRequestSchema, { run: 'r' }), { timeoutMs: 5000 })
      .next();
  } finally {
    channel.close();
  }
}
const port = () => Number(server.address.split(':').at(-1));

/** What a raw client reads until the connection ends, and what ended it. */
function raw(options: ConnectionOptions | undefined, write = ''): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = options
      ? connectTls({ port: port(), host: '127.0.0.1', ALPNProtocols: ['h2'], ...options })
      : connectTcp(port(), '127.0.0.1');
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1');
    });
    socket.on('error', (error) => {
      text += `[${(error as NodeJS.ErrnoException).code}]`;
    });
    socket.on('close', () => resolve(text));
    if (write) socket.write(write);
  });
}

test('a member with certificate and token is let in', async () => {
  await call({ tls: await tlsBy(ours, worker), token });
  expect(calls).toBe(1);
});

describe('turned away', () => {
  const counted = async (reason: string, attempt: () => Promise<unknown>): Promise<void> => {
    const before = { reason: server.refusals.of(reason), calls };
    await attempt();
    await expect.poll(() => server.refusals.of(reason)).toBeGreaterThan(before.reason);
    expect(calls).toBe(before.calls);
  };

  test('no token, an empty one, another one', async () => {
    const tls = await tlsBy(ours, worker);
    for (const wrong of [undefined, JoinToken.random()])
      await counted('UNAUTHENTICATED', () =>
        expect(call({ tls, token: wrong })).rejects.toMatchObject({ status: status.UNAUTHENTICATED }),
      );
    expect(() => new JoinToken('')).toThrow('holds no join token');
    expect(() => new JoinToken('0123456789abcdef')).toThrow('holds no join token');
  });

  test('no client certificate', () =>
    counted('CERTIFICATE', () => raw({ ca: ours.certificate, servername: 'localhost' })));

  test('a certificate of another authority', () =>
    counted('CERTIFICATE', async () => {
      await expect(call({ tls: await tlsBy(theirs, worker), token })).rejects.toMatchObject({
        status: status.UNAVAILABLE,
      });
    }));

  test('an expired certificate', () =>
    counted('CERTIFICATE', async () => {
      await expect(
        call({ tls: await tlsBy(ours, worker, { from: new Date(Date.now() - 1e9) }), token }),
      ).rejects.toMatchObject({ status: status.UNAVAILABLE });
    }));

  test("a role that may not: a coordinator's certificate at a coordinator", () =>
    counted('PERMISSION_DENIED', async () => {
      await expect(call({ tls: await tlsBy(ours, coordinator), token })).rejects.toMatchObject({
        status: status.PERMISSION_DENIED,
      });
    }));

  test('TLS 1.2', async () => {
    const { certificate, key } = await tlsBy(ours, worker);
    await counted('TLS', () =>
      raw({ ca: ours.certificate, cert: certificate, key, maxVersion: 'TLSv1.2', servername: 'localhost' }),
    );
  });

  test('plaintext at the TLS port, garbage after a TLS header, and HTTP/1', async () => {
    for (const bytes of [
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      '\x16\x03\x01\x02\x00garbage'.repeat(50),
      'GET / HTTP/1.1\r\n\r\n',
    ])
      await counted('TLS', () => raw(undefined, bytes));
  });

  test('a connection that says nothing', () => counted('HANDSHAKE_TIMEOUT', () => raw(undefined)));

  test('a handshake that is not followed by a call', async () => {
    const { certificate, key } = await tlsBy(ours, worker);
    await counted('HANDSHAKE_TIMEOUT', () =>
      raw({ ca: ours.certificate, cert: certificate, key, servername: 'localhost' }),
    );
  });

  test('what they read says nothing of the run', async () => {
    for (const security of [{ token }, { tls: await tlsBy(theirs, worker) }, { tls: await tlsBy(ours, worker) }]) {
      const error = await call(security).catch((reason: Error) => reason);
      expect(String(error)).not.toMatch(/lockstep\.v1|run|term|member|epoch|node:|\/work|\.ts/);
    }
  });
});

describe('the other way round, a client leaves', () => {
  test('a server of another authority', async () => {
    const tls = await tlsBy(ours, worker, { ca: theirs.certificate });
    await expect(call({ tls, token })).rejects.toMatchObject({ status: status.UNAVAILABLE });
  });

  test('a server with another role or name', async () => {
    const tls = await tlsBy(ours, worker);
    await expect(call({ tls, token }, 'worker', 'w')).rejects.toThrow(
      /certificate there is of coordinator, not of worker w/,
    );
  });

  test('a server without TLS', async () => {
    const plain = await serve({ address: '127.0.0.1:0', security: { token }, services: [] });
    const channel = new Channel({
      address: plain.address,
      security: { tls: await tlsBy(ours, worker), token },
      expect: { role: 'coordinator' },
    });
    const attempt = channel.serverStream(Exchange.method.pull, create(PullRequestSchema)).next();
    await expect(attempt).rejects.toMatchObject({ status: status.UNAVAILABLE });
    channel.close();
    await plain.close();
  });
});

describe('where it may listen', () => {
  const tls = { ca: Buffer.from(''), certificate: Buffer.from(''), key: Buffer.from('') };

  test.each(['0.0.0.0:7000', '[::]:7000', '10.0.0.5:0', 'train.example:7000', '[::ffff:10.0.0.5]:7000'])(
    '%s needs certificates and a token, or to be told',
    (address) => {
      expect(() => checkListen(address, {}, false)).toThrow('needs --certs DIR and --token-file FILE');
      expect(() => checkListen(address, { tls }, false)).toThrow('needs --token-file FILE');
      expect(() => checkListen(address, { token }, false)).toThrow('needs --certs DIR');
      expect(checkListen(address, { tls, token }, false)).toBeUndefined();
      expect(checkListen(address, {}, true)).toMatch(
        /^INSECURE: .* no TLS and no join token; whoever reaches this port/,
      );
    },
  );

  test.each(['127.0.0.1:7000', 'localhost:0', '[::1]:7000', '127.8.8.8:1', '[::ffff:127.0.0.1]:7000'])(
    '%s needs nothing',
    (address) => {
      expect(checkListen(address, {}, false)).toBeUndefined();
    },
  );
});

test('a token is shown nowhere', () => {
  expect(`${token} ${JSON.stringify({ token })}`).not.toContain(token.reveal());
  expect(token.equals(token.reveal().toUpperCase())).toBe(true);
});
