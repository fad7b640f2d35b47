import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { DescService } from '@bufbuild/protobuf';
import { Server } from '@grpc/grpc-js';
import { admission, peerOf } from './admission.ts';
import { Connections } from './connections.ts';
import { type Implementation, untypedHandlers } from './handlers.ts';
import { innerServer } from './http2-server.ts';
import type { Identity } from './identity.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { listen } from './listener.ts';
import { Refusals } from './refusals.ts';
import type { Security } from './security.ts';
import { methodPath, serviceDefinition } from './service-definition.ts';
import { watchStream } from './watch-stream.ts';

/** A service, who answers it, and whose certificates may call it. */
export interface Served {
  readonly service: DescService;
  readonly implementation: object;
  readonly callers: readonly Identity['role'][];
}

/** Ties a generated service to its functions, so that their types are checked. */
export const served = <S extends { method: object }>(
  service: S,
  implementation: Implementation<S>,
  callers: readonly Identity['role'][],
): Served => ({ service: service as unknown as DescService, implementation, callers });

export interface ServeOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly address: string;
  readonly security: Security;
  readonly services: readonly Served[];
  readonly limits?: Partial<Limits>;
  /** Where refusals are counted, if others count there as well. */
  readonly refusals?: Refusals;
}

export interface GrpcServer {
  /** `host:port` with the port that it got. */
  readonly address: string;
  readonly refusals: Refusals;
  /** Connections that are open now. */
  readonly connections: number;
  /** Ends all calls and connections. */
  close(): Promise<void>;
}

const brokenWire = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

/** Serves gRPC. See SECURITY.md for what is checked where. @throws UsageError where the address cannot be taken */
export async function serve(options: ServeOptions): Promise<GrpcServer> {
  const limits = { ...defaultLimits, ...options.limits };
  const { refusals = new Refusals() } = options;
  const connections = new Connections(limits, refusals);
  const callers = new Map(
    options.services.flatMap(({ service, callers }) =>
      service.methods.map((method) => [methodPath(method), callers] as const),
    ),
  );
  const server = new Server({
    'grpc.max_receive_message_length': limits.messageBytes,
    'grpc.max_send_message_length': limits.messageBytes,
    'grpc.max_concurrent_streams': limits.streams,
    'grpc-node.max_session_memory': limits.sessionMemoryMiB,
    'grpc.keepalive_time_ms': limits.keepaliveMs,
    'grpc.keepalive_timeout_ms': limits.keepaliveTimeoutMs,
    'grpc.enable_channelz': 0,
    interceptors: [admission(options.security, callers, connections)],
  });
  for (const { service, implementation } of options.services)
    server.addService(
      serviceDefinition(service),
      untypedHandlers(service, implementation as Implementation<DescService>, peerOf),
    );
  const inner = innerServer(server, limits);
  inner.http2.on('session', (session: ServerHttp2Session) => connections.opened(session));
  inner.http2.on('sessionError', (error: NodeJS.ErrnoException, session: ServerHttp2Session) => {
    // A peer that is killed, or a wire that is cut, has done nothing wrong.
    if (!brokenWire.has(error.code ?? '')) refusals.count('HTTP2', connections.addressOf(session));
  });
  inner.http2.on('stream', (stream: ServerHttp2Stream) =>
    watchStream(stream, refusals, connections.addressOf(stream.session)),
  );
  const listener = await listen(options.address, options.security.tls, limits, connections, refusals, inner.inject);
  return {
    address: listener.address,
    refusals,
    get connections() {
      return connections.size;
    },
    async close() {
      inner.close();
      server.forceShutdown();
      await listener.close();
    },
  };
}
