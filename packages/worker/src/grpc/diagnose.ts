import { once } from 'node:events';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { parseAddress } from './address.ts';
import { reach } from './reach.ts';
import type { Security } from './security.ts';
import { type Expected, serverCheck } from './server-check.ts';
import { StatusError } from './status-error.ts';

/** A server of HTTP/2 speaks first, at once: who is silent for so long, in milliseconds, speaks something else or hangs. */
const silenceMs = 2000;

/** Why nobody can be spoken to at an address. */
export interface Diagnosis {
  /** Half a sentence, with what to do. */
  readonly why: string;
  /** The host is there, and nobody listens. */
  readonly closed: boolean;
}

/** What can be heard of a server before anything is said to it. */
type Heard = 'http2' | 'other' | 'silence' | NodeJS.ErrnoException;

/**
 * Finds out in words why calls to an address fail, by connecting there once more: gRPC's own texts are those of sockets and OpenSSL.
 *
 * @param expected whose certificate must be there
 * @returns undefined where it would be answered
 */
export async function diagnose(
  address: string,
  security: Security,
  expected: Expected,
): Promise<Diagnosis | undefined> {
  const { host, port } = parseAddress(address);
  try {
    await reach(address);
  } catch (error) {
    if (!(error instanceof StatusError)) return { why: (error as Error).message, closed: false };
    return { why: error.details, closed: (error.cause as NodeJS.ErrnoException).code === 'ECONNREFUSED' };
  }
  const why = security.tls ? await throughTls(security, host, port, expected) : await inPlain(host, port);
  return why === undefined ? undefined : { why, closed: false };
}

const silent = `connections are accepted there, but nothing is said within ${silenceMs / 1000} s: whatever listens there hangs, or is no Lockstep; check the port`;
const stranger = 'whatever listens there is no Lockstep: check the port';

async function inPlain(host: string, port: number): Promise<string | undefined> {
  const heard = await listen(connectPlain({ host, port }));
  if (heard === 'http2') return undefined;
  if (heard === 'other') return stranger;
  // Nothing is trusted, or said, there: it is only to be seen whether TLS is spoken.
  const found = connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: ['h2'] });
  if (await opened(found))
    return 'TLS is spoken there: give --certs FOLDER, with a certificate for this worker (lockstep certs issue worker NAME)';
  return heard === 'silence' ? silent : `the connection is closed there at once (${heard.message}): check the port`;
}

async function throughTls({ tls }: Security, host: string, port: number, expected: Expected) {
  const heard = await listen(
    connectTls({
      ...{ host, port, ca: tls?.ca, cert: tls?.certificate, key: tls?.key },
      ...{ minVersion: 'TLSv1.3', ALPNProtocols: ['h2'], checkServerIdentity: serverCheck(host, expected) },
      // An address is no server name.
      servername: isIP(host) ? 'lockstep.invalid' : host,
    }),
  );
  if (heard === 'http2') return undefined;
  if (heard === 'other') return stranger;
  return heard === 'silence' ? silent : tlsReason(heard, host);
}

const tlsReasons: readonly (readonly [RegExp, (host: string) => string])[] = [
  [
    /WRONG_VERSION|PACKET_LENGTH|HTTP_REQUEST|UNEXPECTED_MESSAGE/,
    () => 'there is no TLS there: leave --certs out, or start the coordinator with --certs',
  ],
  [
    /ALTNAME/,
    (host) => `the certificate there is not of ${host}: issue it with --host ${host}, or dial a name that it has`,
  ],
  [
    /EXPIRED|NOT_YET_VALID/,
    () => 'the certificate there is expired, or not valid yet: issue it again, or set the clock',
  ],
  // The other end has closed after it saw ours.
  [
    /ALERT|ECONNRESET|EPIPE/,
    () =>
      'the certificate of --certs is not taken there, being of another authority: issue both from one folder (lockstep certs issue … --ca DIR)',
  ],
  [
    /SELF_SIGNED|ISSUER|UNABLE_TO_|SIGNATURE|CHAIN|CA_/,
    () =>
      'the certificate there is of another authority than that of --certs: issue both from one folder (lockstep certs issue … --ca DIR)',
  ],
];

function tlsReason({ code = '', message }: NodeJS.ErrnoException, host: string): string {
  const known = tlsReasons.find(([pattern]) => pattern.test(code) || (code === '' && pattern.test(message)));
  return known ? known[1](host) : (message.split('\n')[0]?.slice(0, 200) ?? 'TLS fails there');
}

/** What comes first over a connection. */
async function listen(socket: Socket): Promise<Heard> {
  try {
    const [data] = (await Promise.race([
      once(socket, 'data', { signal: AbortSignal.timeout(silenceMs) }),
      once(socket, 'close').then(() => Promise.reject(Object.assign(new Error('no word'), { code: 'ECONNRESET' }))),
    ])) as [Buffer];
    // The first frame is SETTINGS: type 4, of stream 0.
    return data.length >= 9 && data[3] === 4 && data.readUInt32BE(5) === 0 ? 'http2' : 'other';
  } catch (error) {
    return (error as Error).name === 'AbortError' ? 'silence' : (error as NodeJS.ErrnoException);
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}

async function opened(socket: Socket): Promise<boolean> {
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(silenceMs) });
    return true;
  } catch {
    return false;
  } finally {
    socket.on('error', () => undefined).destroy();
  }
}
