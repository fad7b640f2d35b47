import { Metadata, ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import type { Connections } from './connections.ts';
import type { Peer } from './handlers.ts';
import { type Identity, identityOf } from './identity.ts';
import type { JoinToken } from './join-token.ts';
import type { Security } from './security.ts';
import { status } from './status-error.ts';

/** The header that carries the join token. */
const tokenHeader = 'lockstep-token';

/** What a client sends along with each call. */
export function callMetadata(token: JoinToken | undefined): Metadata {
  const metadata = new Metadata();
  if (token) metadata.set(tokenHeader, token.reveal());
  return metadata;
}

type Asked = Pick<Parameters<ServerInterceptor>[1], 'getAuthContext' | 'getPeer'>;

const certificateOf = (call: Asked): Identity | undefined =>
  identityOf(call.getAuthContext().sslPeerCertificate?.subjectaltname);

/** Who made a call, by its connection. */
export const peerOf = (call: Asked): Peer => ({ address: call.getPeer(), identity: certificateOf(call) });

interface Refusal {
  readonly code: status;
  readonly details: string;
}

function refusal(
  { tls, token }: Security,
  allowed: readonly Identity['role'][],
  call: Asked,
  metadata: Metadata,
): Refusal | undefined {
  const given = metadata.get(tokenHeader);
  if (token && !(given.length === 1 && token.equals(String(given[0]))))
    return { code: status.UNAUTHENTICATED, details: 'a valid join token is needed: start with --token-file FILE' };
  if (!tls) return undefined;
  const identity = certificateOf(call);
  if (!identity)
    return {
      code: status.UNAUTHENTICATED,
      details: 'the certificate names no role: make it with `lockstep certs issue`',
    };
  if (!allowed.includes(identity.role))
    return { code: status.PERMISSION_DENIED, details: `not allowed with the certificate of a ${identity.role}` };
  return undefined;
}

/**
 * Decides about each call by its headers, before a byte of its body is decoded: join token, then role. A peer that fails here loses its
 * connection.
 *
 * @param callers roles by path of a method
 */
export function admission(
  security: Security,
  callers: ReadonlyMap<string, readonly Identity['role'][]>,
  connections: Connections,
): ServerInterceptor {
  return (method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, go) => {
            const { remoteAddress, remotePort } = call.getConnectionInfo();
            const refused = refusal(security, callers.get(method.path) ?? [], call, metadata);
            if (refused) {
              call.sendStatus(refused);
              connections.dismiss(remoteAddress, remotePort);
              return;
            }
            connections.admit(remoteAddress, remotePort);
            metadata.remove(tokenHeader);
            go(metadata);
          },
        }),
    });
}
