import { z } from 'zod';
import { SbiFailure } from '../toolserver/sbi-failure.ts';
import type { SbiRequest, SbiResponse, ToolContext } from './types.ts';

/** One GET; what the NF answered. @throws SbiFailure */
export async function get(
  { sbi }: ToolContext,
  nf: string,
  operation: string,
  path: string,
  query?: Record<string, string>,
): Promise<unknown> {
  return (await sbi({ nf, operation, method: 'GET', path, ...(query && { query }) })).body;
}

/** One request that writes. @throws SbiFailure */
export function send(
  { sbi }: ToolContext,
  nf: string,
  operation: string,
  method: Exclude<SbiRequest['method'], 'GET'>,
  path: string,
  body?: unknown,
  contentType?: string,
): Promise<SbiResponse> {
  return sbi({
    nf,
    operation,
    method,
    path,
    ...(body !== undefined && { body }),
    ...(contentType !== undefined && { contentType }),
  });
}

/** The last part of the resource that was created. */
export const createdId = ({ location }: SbiResponse) => location?.split('/').pop() ?? '';

/**
 * Runs steps of which each says how it is undone; when one fails, those before it are undone, last first,
 * and its failure is thrown. @throws SbiFailure UNDO_FAILED where a step could not be undone
 */
export async function withUndo<T>(
  work: (done: (what: string, undo: () => Promise<unknown>) => void) => Promise<T>,
): Promise<T> {
  const steps: Array<{ what: string; undo: () => Promise<unknown> }> = [];
  try {
    return await work((what, undo) => void steps.push({ what, undo }));
  } catch (error) {
    const left: string[] = [];
    for (const { what, undo } of steps.reverse()) {
      try {
        await undo();
      } catch {
        left.push(what);
      }
    }
    if (left.length === 0) throw error;
    throw new SbiFailure({
      code: 'UNDO_FAILED',
      message: `${error instanceof Error ? error.message : String(error)}; not undone: ${left.join(', ')}`,
      retryable: false,
      executed: 'maybe',
    });
  }
}

/**
 * Of tools that make a function of the core send requests to a URL: it stands where nobody else does, and what
 * it reaches may take its word for an operator's. Wanted where tokens are.
 */
export const NOTIFY = 'netmcp:notify';

/** Parameters that tools of several areas share. */
export const notifyTo = z
  .string()
  .regex(/^https?:\/\/[^\s]{1,500}$/)
  .describe('URL that is told of what happens');
export const resourceId = (what: string) =>
  z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/)
    .describe(what);
export const instanceId = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  .describe('NfInstanceId of a network function');
export const nfType = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{1,30}$/)
  .describe('Type of network function, for example PCF');
export const dnai = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/)
  .describe('Data network access identifier');
const OCTET = '(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])';
export const ipv4 = z
  .string()
  .regex(new RegExp(`^(${OCTET}\\.){3}${OCTET}$`))
  .describe('IPv4 address of the phone');
export const done = z.object({ done: z.boolean() });
/** Of whoever subscribes for an agent: TS 29.510 NfInstanceId of the tool server as an AF. */
export const SUBSCRIBER_ID = '00000000-0000-4000-8000-0000000000af';
export const bucket = z
  .string()
  .regex(/^[a-z0-9-]{1,63}$/)
  .describe('Name of the bucket');
export const key = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,128}$/)
  .describe('Name of the object in its bucket');
