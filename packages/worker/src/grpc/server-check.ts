import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { type Identity, identityOf } from './identity.ts';

/** Whose certificate must be found at an address; the name of a worker only where it is given. */
export interface Expected {
  readonly role: Identity['role'];
  readonly name?: string | undefined;
}

/** How a client looks at the certificate of a server: it must name the host that was dialled, and be of who is expected. */
export const serverCheck =
  (host: string, expected: Expected) =>
  (_: string, found: PeerCertificate): Error | undefined =>
    checkServerIdentity(host, found) ?? checkRole(found, expected);

function checkRole(certificate: PeerCertificate, { role, name }: Expected): Error | undefined {
  const found = identityOf(certificate.subjectaltname);
  if (found?.role === role && (name === undefined || found.name === name)) return undefined;
  const who = found ? [found.role, found.name].join(' ').trim() : 'nobody that Lockstep knows';
  return new Error(`the certificate there is of ${who}, not of ${[role, name ?? ''].join(' ').trim()}`);
}
