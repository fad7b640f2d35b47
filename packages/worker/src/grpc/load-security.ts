import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '@lockstep/core';
import { type Identity, identityOf } from './identity.ts';
import { JoinToken } from './join-token.ts';
import type { Security, TlsFiles } from './security.ts';

export interface SecurityOptions {
  /** `--certs`: a folder with ca.pem, certificate.pem and key.pem, and perhaps token, as `lockstep certs issue` makes it. */
  readonly certs?: string | undefined;
  /** `--token-file`. */
  readonly tokenFile?: string | undefined;
  /** As what this process takes part: the certificate must be for it. Default: either will do. */
  readonly role?: Identity['role'];
  /** For LOCKSTEP_TOKEN; a token never comes as an argument, which others on the machine can see. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/** Security, and what the own certificate says about its owner. */
export interface LoadedSecurity extends Security {
  readonly identity: Identity | undefined;
}

/** @param remedy what to do where it cannot be read */
function read(path: string, what: string, remedy: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    throw new UsageError(`${what} ${path} cannot be read (${code}): ${remedy}.`, { cause: error });
  }
}

/** @throws UsageError where others may read the key, as ssh does */
function checkPrivate(path: string): void {
  if (process.platform === 'win32') return;
  const mode = statSync(path).mode & 0o777;
  if ((mode & 0o077) !== 0)
    throw new UsageError(`${path} can be read by others (mode ${mode.toString(8)}): chmod 600 ${path}`);
}

const issueFor = (role: Identity['role'] | undefined): string =>
  `\`lockstep certs issue ${role === undefined ? 'coordinator | worker NAME' : role === 'worker' ? 'worker NAME' : role}\``;

function readTls(folder: string, role: Identity['role'] | undefined): { tls: TlsFiles; identity: Identity } {
  const [ca, certificate, key] = ['ca.pem', 'certificate.pem', 'key.pem'].map((name) =>
    read(join(folder, name), '--certs:', `give the folder that ${issueFor(role)} made for this machine`),
  ) as [Buffer, Buffer, Buffer];
  checkPrivate(join(folder, 'key.pem'));
  const parse = (pem: Buffer, name: string): X509Certificate => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      throw new UsageError(`${join(folder, name)} is no certificate.`, { cause: error });
    }
  };
  const own = parse(certificate, 'certificate.pem');
  if (!own.verify(parse(ca, 'ca.pem').publicKey))
    throw new UsageError(`${join(folder, 'certificate.pem')} is not by the authority in ca.pem: issue it again.`);
  const now = Date.now();
  if (Date.parse(own.validTo) < now || Date.parse(own.validFrom) > now)
    throw new UsageError(
      `${join(folder, 'certificate.pem')} is valid from ${own.validFrom} to ${own.validTo}, which is not now: issue it again, or set the clock.`,
    );
  const identity = identityOf(own.subjectAltName);
  if (!identity)
    throw new UsageError(`${join(folder, 'certificate.pem')} names no role: make it with \`lockstep certs issue\`.`);
  if (role !== undefined && identity.role !== role) {
    const whose = identity.role === 'worker' ? `worker ${identity.name}` : 'a coordinator';
    throw new UsageError(
      `--certs: ${folder} is the folder of ${whose}, and this is a ${role}: give one by ${issueFor(role)}.`,
    );
  }
  return { tls: { ca, certificate, key }, identity };
}

function readToken({ certs, tokenFile, environment = {} }: SecurityOptions): JoinToken | undefined {
  if (tokenFile !== undefined) {
    const remedy = 'give the file `token` of a folder by `lockstep certs`, or leave it out where --certs is given';
    return new JoinToken(read(tokenFile, '--token-file', remedy).toString('latin1'), tokenFile);
  }
  if (environment.LOCKSTEP_TOKEN) return new JoinToken(environment.LOCKSTEP_TOKEN, 'LOCKSTEP_TOKEN');
  if (certs === undefined) return undefined;
  const path = join(certs, 'token');
  return statSync(path, { throwIfNoEntry: false })
    ? new JoinToken(
        read(path, 'The token', 'make it readable, or give another with --token-file').toString('latin1'),
        path,
      )
    : undefined;
}

/** What the command line says about security, read and checked once at the start. @throws UsageError */
export function loadSecurity(options: SecurityOptions): LoadedSecurity {
  const { tls, identity } =
    options.certs === undefined ? { tls: undefined, identity: undefined } : readTls(options.certs, options.role);
  return { tls, identity, token: readToken(options) };
}
