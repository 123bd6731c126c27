import { isIPv6 } from 'node:net';
import type { Exchange } from './exchange.ts';

/** Where a listener may be called from: its own names and the origins of its own pages. */
export interface Names {
  port: number;
  /** The address that it is bound to. */
  bound: string;
  /** Further names under which clients know it, for example those of its certificate. */
  hosts: readonly string[];
}

/**
 * Protection against DNS rebinding and foreign pages (MCP 2025-11-25, transports: Origin must be
 * validated). A browser page of another site carries its own Host or Origin and is refused.
 * Returns null if the request may pass, else why not.
 */
export function refuseExchange(
  exchange: Pick<Exchange, 'authority' | 'secure' | 'headers'>,
  names: Names,
): string | null {
  const { authority, secure } = exchange;
  if (authority === null || !isOurs(authority, names, secure)) return 'the Host header names another server';
  const origin = exchange.headers.origin;
  if (origin === undefined) return null;
  const scheme = secure ? 'https://' : 'http://';
  return origin.startsWith(scheme) && isOurs(origin.slice(scheme.length), names, secure)
    ? null
    : 'the Origin header names a foreign site';
}

function isOurs(authority: string, { port, bound, hosts }: Names, secure: boolean): boolean {
  const asked = authority.toLowerCase();
  return ['127.0.0.1', 'localhost', '::1', bound, ...hosts].some((name) => {
    const host = isIPv6(name) ? `[${name}]` : name.toLowerCase();
    return asked === `${host}:${port}` || (asked === host && port === (secure ? 443 : 80));
  });
}
