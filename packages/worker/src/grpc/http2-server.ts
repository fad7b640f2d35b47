import type { Http2Server, ServerHttp2Session, ServerOptions } from 'node:http2';
import type { Duplex } from 'node:stream';
import { type Server, ServerCredentials } from '@grpc/grpc-js';
import { LockstepError } from '@lockstep/core';
import type { Limits } from './limits.ts';

/** The HTTP/2 server inside a gRPC server, fed with connections that were accepted elsewhere. */
export interface InnerServer {
  readonly http2: Http2Server;
  /** Takes over a connection after its TLS handshake. */
  inject(connection: Duplex): void;
  close(): void;
}

/**
 * grpc-js 1.14 has no options for what a server needs here: the receive window of uploads (https://github.com/grpc/grpc-node/pull/3058)
 * and most limits of HTTP/2. So this one file reaches into two of its private fields, and stops if they are not there.
 */
export function innerServer(server: Server, limits: Limits): InnerServer {
  const options = Reflect.get(server, 'commonServerOptions') as ServerOptions | undefined;
  const servers = Reflect.get(server, 'http2Servers') as Map<Http2Server, unknown> | undefined;
  if (typeof options !== 'object' || !(servers instanceof Map))
    throw new LockstepError('this release of @grpc/grpc-js has other insides than 1.14: install @grpc/grpc-js 1.14');
  Object.assign(options, {
    settings: {
      ...options.settings,
      initialWindowSize: limits.windowBytes,
      maxHeaderListSize: 16 * 1024,
      enablePush: false,
    },
    // Headers of a call: a dozen of gRPC's own, and the token.
    maxHeaderListPairs: 64,
    maxSessionInvalidFrames: 16,
    // Streams beyond the limit that a peer may try before its connection is closed.
    maxSessionRejectedStreams: 64,
    maxOutstandingPings: 4,
    maxSettings: 16,
    streamResetBurst: 1024,
    streamResetRate: 64,
  } satisfies ServerOptions);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const http2 = [...servers.keys()].at(-1);
  if (!http2) throw new LockstepError('grpc-js made no HTTP/2 server: install @grpc/grpc-js 1.14');
  http2.on('session', (session: ServerHttp2Session) => session.setLocalWindowSize(4 * limits.windowBytes));
  return { http2, inject: (connection) => injector.injectConnection(connection), close: () => injector.destroy() };
}
