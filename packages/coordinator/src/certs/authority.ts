import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import { UsageError } from '@lockstep/core';
import { type Identity, identityUri, isHostName, workerName } from '@lockstep/worker';
import * as x509 from '@peculiar/x509';

/** P-256 with SHA-256: what TLS 1.3 must have. */
const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 3600 * 1000;
/** Clocks of machines differ; a new certificate is valid at once everywhere. */
const skewMs = dayMs;

/** A certificate and its private key as PEM. */
export interface KeyedCertificate {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  readonly identity: Identity;
  /** Names and addresses under which others dial it; localhost is always among them. */
  readonly hosts: readonly string[];
  readonly days: number;
  /** Default: now. */
  readonly from?: Date;
}

const newKeys = (): Promise<CryptoKeyPair> => crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const serialNumber = (): string => `01${randomBytes(15).toString('hex')}`;

async function keyPem(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

const validity = (days: number, from = new Date()) => ({
  notBefore: new Date(from.getTime() - skewMs),
  notAfter: new Date(from.getTime() + days * dayMs),
});

/** A certificate authority of one cluster, valid for so many days: whoever has a certificate by it takes part. */
export async function createAuthority(days: number): Promise<KeyedCertificate> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=Lockstep cluster ${randomBytes(4).toString('hex')}`,
    ...validity(days),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      // May issue certificates, but no authorities.
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}

function generalName(host: string): x509.JsonGeneralName {
  if (isIP(host)) return { type: 'ip', value: host };
  if (!isHostName(host))
    throw new UsageError(
      `--host ${JSON.stringify(host)} is neither a name nor an address: write one as others dial the machine, such as train-1 or 10.0.0.6.`,
    );
  return { type: 'dns', value: host };
}

/** A certificate for both ends of a connection, whose role and name are an entry of its alternative names. @throws UsageError */
export async function issueCertificate(
  authority: KeyedCertificate,
  { identity, hosts, days, from }: IssueOptions,
): Promise<KeyedCertificate> {
  if (identity.role === 'worker' && !workerName.test(identity.name))
    throw new UsageError(
      `A worker cannot be called ${JSON.stringify(identity.name)}: use up to 63 letters, digits, ".", "_" and "-".`,
    );
  const issuer = new x509.X509Certificate(authority.certificate);
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(authority.key),
    algorithm,
    false,
    ['sign'],
  );
  const keys = await newKeys();
  const all = [...new Set([...hosts, 'localhost', '127.0.0.1', '::1'])];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `CN=${identity.role === 'worker' ? identity.name : 'coordinator'}`,
    issuer: issuer.subject,
    ...validity(days, from),
    signingAlgorithm: algorithm,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        ...all.map(generalName),
        { type: 'url', value: identityUri(identity) },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}
