import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { diagnose, type Identity, type Security, serve } from '@lockstep/worker';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createAuthority,
  issueCertificate,
  type KeyedCertificate,
} from '../packages/coordinator/src/certs/authority.ts';

// Each way in which a worker and an address do not fit is named with what to do, instead of in the words of sockets and OpenSSL.

let ours: KeyedCertificate;
let theirs: KeyedCertificate;
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing) await close();
});
beforeAll(async () => {
  [ours, theirs] = await Promise.all([createAuthority(10), createAuthority(10)]);
});

/** @param ca whom its owner trusts; default: who has issued it */
async function securityBy(authority: KeyedCertificate, identity: Identity, ca = authority) {
  const { certificate, key } = await issueCertificate(authority, { identity, hosts: [], days: 1 });
  return {
    tls: { ca: Buffer.from(ca.certificate), certificate: Buffer.from(certificate), key: Buffer.from(key) },
  } satisfies Security;
}
const coordinator = { role: 'coordinator', name: '' } as const;
const worker = { role: 'worker', name: 'w' } as const;

async function serving(security: Security, address = '127.0.0.1:0'): Promise<string> {
  const server = await serve({ address, security, services: [] });
  closing.push(() => server.close());
  return server.address;
}

/** A port of something else. */
async function listening(accept: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => accept(socket.on('error', () => undefined))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const whyOf = async (address: string, security: Security) =>
  (await diagnose(address, security, { role: 'coordinator' }))?.why;

test('where it would be answered there is nothing to say', async () => {
  expect(await whyOf(await serving({}), {})).toBeUndefined();
  const address = await serving(await securityBy(ours, coordinator));
  expect(await whyOf(address, await securityBy(ours, worker))).toBeUndefined();
});

test('nobody listens, or the name is unknown', async () => {
  expect(await diagnose('127.0.0.1:9', {}, { role: 'coordinator' })).toEqual({
    why: 'nobody listens there: start it first, or check the port',
    closed: true,
  });
  expect(await whyOf('no-such-host.invalid:7000', {})).toMatch(/^the name .* write an IP address$/);
});

test('one of both has certificates', async () => {
  const secure = await securityBy(ours, worker);
  expect(await whyOf(await serving({}), secure)).toBe(
    'there is no TLS there: leave --certs out, or start the coordinator with --certs',
  );
  expect(await whyOf(await serving(await securityBy(ours, coordinator)), {})).toMatch(
    /^TLS is spoken there: give --certs FOLDER, .*lockstep certs issue worker NAME/,
  );
});

test('certificates of another authority, of another host, of another role', async () => {
  const address = await serving(await securityBy(ours, coordinator));
  expect(await whyOf(address, await securityBy(theirs, worker))).toMatch(
    /^the certificate there is of another authority than that of --certs: issue both from one folder/,
  );
  expect(await whyOf(address, await securityBy(theirs, worker, ours))).toMatch(
    /^the certificate of --certs is not taken there, being of another authority: issue both from one folder/,
  );
  // Loopback is in each certificate, but not all of it.
  const everywhere = await serving(await securityBy(ours, coordinator), '0.0.0.0:0');
  const elsewhere = everywhere.replace('0.0.0.0', '127.0.0.2');
  expect(await whyOf(elsewhere, await securityBy(ours, worker))).toMatch(
    /not of 127\.0\.0\.2: issue it with --host 127\.0\.0\.2/,
  );
  const other = await serving(await securityBy(ours, worker));
  expect(await whyOf(other, await securityBy(ours, worker))).toContain('is of worker w, not of coordinator');
});

test('something else listens there', async () => {
  const mute = await listening(() => undefined);
  expect(await whyOf(mute, {})).toMatch(
    /^connections are accepted there, but nothing is said within 2 s: .*check the port/,
  );
  const other = await listening((socket) => socket.write('SSH-2.0-OpenSSH_9.2\r\n'));
  expect(await whyOf(other, {})).toBe('whatever listens there is no Lockstep: check the port');
  const rude = await listening((socket) => socket.destroy());
  expect(await whyOf(rude, {})).toMatch(/closed there at once .*: check the port/);
});
