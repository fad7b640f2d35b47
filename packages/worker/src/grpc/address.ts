import { isIP } from 'node:net';
import { UsageError } from '@lockstep/core';

/** `host:port`, an IPv6 host in brackets, with a zone where it is link-local: `[fe80::1%eth0]:7000`. */
export interface Address {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

const hostName = /^(?=.{1,253}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?$/i;
const zone = /%[\w.-]{1,32}$/;

/** Whether it is a DNS name, as opposed to an address or anything else. */
export const isHostName = (host: string): boolean => hostName.test(host) && isIP(host) === 0;

const isHost = (host: string) => isIP(host.replace(zone, '')) === 6 || isIP(host) === 4 || hostName.test(host);

/** Only ever a host and a port: gRPC would take `unix:/path` and other schemes as well. @throws UsageError */
export function parseAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3]);
  const bracketed = match?.[1] !== undefined;
  if (!match || !isHost(host) || bracketed !== host.includes(':') || port > 65535)
    throw new UsageError(
      `${JSON.stringify(text.slice(0, 300))} is no address: write host:port, and [host]:port for IPv6, e.g. 10.0.0.5:7000 or [::1]:7000`,
    );
  return { host, port };
}

export const formatAddress = ({ host, port }: Address): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Whether only this machine can reach it. Names are not resolved: of them only `localhost` counts. */
export function isLoopback(host: string): boolean {
  const plain = host.toLowerCase().replace(/^::ffff:(?=\d+\.)/, '');
  return plain === 'localhost' || plain === '::1' || (isIP(plain) === 4 && plain.startsWith('127.'));
}

/** As grpc-js dials it, with an explicit scheme. @throws UsageError where it has a zone, which no URL of HTTP/2 can hold */
export function dialTarget({ host, port }: Address): string {
  if (zone.test(host))
    throw new UsageError(
      `${formatAddress({ host, port })} is link-local, which can be listened on but not dialled: use another address of that machine, or its name`,
    );
  const kind = isIP(host);
  if (kind === 4) return `ipv4:${host}:${port}`;
  return kind === 6 ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
}
