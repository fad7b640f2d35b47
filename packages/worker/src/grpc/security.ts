import { UsageError } from '@lockstep/core';
import { formatAddress, isLoopback, parseAddress } from './address.ts';
import type { JoinToken } from './join-token.ts';

/** PEM files of one member: the cluster's own CA, and a certificate by it with its key. */
export interface TlsFiles {
  readonly ca: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/** How calls are protected; both ends use the same. */
export interface Security {
  readonly tls?: TlsFiles | undefined;
  readonly token?: JoinToken | undefined;
}

/**
 * Refuses to listen where others could reach it and either certificates or token are missing, unless told to.
 *
 * @returns a warning to show where it is insecure on purpose
 * @throws UsageError
 */
export function checkListen(address: string, security: Security, insecure: boolean): string | undefined {
  const parsed = parseAddress(address);
  if (isLoopback(parsed.host) || (security.tls && security.token)) return undefined;
  const missing = [security.tls ? '' : '--certs DIR', security.token ? '' : '--token-file FILE'].filter(Boolean);
  if (!insecure)
    throw new UsageError(
      `listening on ${formatAddress(parsed)} needs ${missing.join(' and ')}: others can reach it; or say --insecure, or listen on 127.0.0.1`,
    );
  const open = security.tls ? 'whoever has a certificate' : 'whoever reaches this port';
  return `INSECURE: ${formatAddress(parsed)} has no ${missing.map((m) => (m.startsWith('--c') ? 'TLS' : 'join token')).join(' and no ')}; ${open} can ${security.token ? 'read and change the run' : 'take part in the run'}`;
}
