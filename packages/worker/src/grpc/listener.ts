import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { UsageError } from '@lockstep/core';
import { formatAddress, parseAddress } from './address.ts';
import type { Connections } from './connections.ts';
import type { Limits } from './limits.ts';
import type { Refusals } from './refusals.ts';
import type { TlsFiles } from './security.ts';

/** Reasons for which a client's certificate is refused, as opposed to a handshake that fails for others. */
const certificateErrors = /CERT|ISSUER|SELF_SIGNED|PEER_DID_NOT_RETURN|UNABLE_TO_|CHAIN|CRL|HOSTNAME|PURPOSE|CA_/;

/**
 * A port that accepts connections and, with TLS, lets only those through that have a certificate of the cluster's CA: TLS 1.3, client
 * certificates required, both with a time limit (none of which grpc-js' own credentials set).
 */
export interface Listener {
  /** `host:port`, the port that it got. */
  readonly address: string;
  close(): Promise<void>;
}

const reasons: Record<string, string> = {
  EADDRINUSE: 'the port is in use: choose another, or port 0 for a free one',
  EACCES: 'this port needs more rights: choose one above 1023',
  EADDRNOTAVAIL: 'this machine has no such address: listen on 127.0.0.1, 0.0.0.0 or [::]',
  ENOTFOUND: 'the name is not known: check it, or write an IP address',
  EMFILE: 'too many files are open: raise `ulimit -n`',
};

/** @param accept is given every connection that may speak HTTP/2 @throws UsageError */
export async function listen(
  address: string,
  tls: TlsFiles | undefined,
  limits: Limits,
  connections: Connections,
  refusals: Refusals,
  accept: (socket: Socket) => void,
): Promise<Listener> {
  const { host, port } = parseAddress(address);
  const server = tls ? tlsServer(tls, limits, connections, refusals, accept) : plainServer(connections, accept);
  server.listen({ host, port });
  try {
    await once(server, 'listening');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    throw new UsageError(`cannot listen on ${address}: ${reasons[code] ?? (error as Error).message}`, { cause: error });
  }
  // Accept errors (no more file descriptors) leave the server listening.
  server.on('error', () => refusals.count('ACCEPT'));
  const bound = server.address() as AddressInfo;
  return {
    address: formatAddress({ host, port: bound.port }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        connections.destroyAll();
      }),
  };
}

function plainServer(connections: Connections, accept: (socket: Socket) => void): Server {
  return createServer({ noDelay: true }, (socket) => {
    if (connections.accept(socket)) accept(socket);
  });
}

function tlsServer(
  { ca, certificate, key }: TlsFiles,
  limits: Limits,
  connections: Connections,
  refusals: Refusals,
  accept: (socket: Socket) => void,
): Server {
  const server = createTlsServer(
    {
      ca,
      cert: certificate,
      key,
      minVersion: 'TLSv1.3',
      requestCert: true,
      rejectUnauthorized: true,
      handshakeTimeout: limits.handshakeMs,
      ALPNProtocols: ['h2'],
      noDelay: true,
    },
    accept,
  );
  server.prependListener('connection', (socket: Socket) => connections.accept(socket));
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const why = `${socket.authorizationError ?? ''} ${error.code ?? ''}`;
    refusals.count(certificateErrors.test(why) ? 'CERTIFICATE' : 'TLS', socket.remoteAddress);
    socket.destroy();
  });
  return server;
}
