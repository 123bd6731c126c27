import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

const asking = z.object({
  params: z.object({
    capabilities: z.object({
      elicitation: z.unknown().optional(),
      sampling: z.unknown().optional(),
      roots: z.unknown().optional(),
    }),
  }),
});

/**
 * Whether a client can be asked during its own request: then answers are streams, because a question goes
 * before them on the same one (MCP 2025-11-25, transports). All others get plain JSON, which is cheaper.
 */
export function canBeAsked(initialize: unknown): boolean {
  const read = asking.safeParse(initialize);
  if (!read.success) return false;
  return Object.values(read.data.params.capabilities).some((value) => value !== undefined);
}

/** The body that opens a session, parsed; undefined if it is longer than `max` bytes, null if it is no JSON. */
export async function readInitialize(request: IncomingMessage, max: number): Promise<unknown> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > max) return undefined;
    parts.push(part);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    return null;
  }
}
