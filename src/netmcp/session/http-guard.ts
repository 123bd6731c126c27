import type { IncomingMessage } from 'node:http';

/**
 * Protection against DNS rebinding and foreign pages (MCP 2025-11-25, transports: Origin must be
 * validated). A browser page of another site carries its own Host or Origin and is refused.
 * Returns null if the request may pass, else why not.
 */
export function refuseRequest(request: IncomingMessage, port: number, bound: string): string | null {
  const hosts = new Set(
    ['127.0.0.1', 'localhost', '[::1]', bound.includes(':') ? `[${bound}]` : bound].map(
      (name) => `${name}:${port}`,
    ),
  );
  const host = request.headers.host;
  if (host === undefined || !hosts.has(host.toLowerCase())) return 'the Host header names another server';
  const origin = request.headers.origin;
  if (origin === undefined) return null;
  const allowed = origin.startsWith('http://') && hosts.has(origin.slice('http://'.length).toLowerCase());
  return allowed ? null : 'the Origin header names a foreign site';
}
