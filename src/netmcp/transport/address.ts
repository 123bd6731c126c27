import { isIP } from 'node:net';

/** Whom a client trusts. */
export interface Trust {
  /** In place of the authorities of the system, PEM. */
  ca?: string;
  /** The name that the certificate must have, where it is not that of the address. */
  servername?: string;
}

const LOOPBACK = /^(127(\.\d+){3}|localhost|::1)$/;

export const isLoopback = (host: string): boolean => LOOPBACK.test(host);

/** Host, without the brackets of an IPv6 address, and port. */
export function addressOf(url: URL): { host: string; port: number } {
  return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 443) };
}

/** QUIC libraries check names and no addresses: this machine is `localhost`, another needs its name said. */
export function nameToCheck(host: string, trust: Trust | undefined): string {
  return trust?.servername ?? (isIP(host) !== 0 && isLoopback(host) ? 'localhost' : host);
}
