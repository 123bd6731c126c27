import type { IncomingHttpHeaders } from 'node:http';
import { fail } from '../errors.ts';
import { isTooDeep } from './limits.ts';

const STRUCTURED = new Set(['application/cloudevents+json', 'application/json']);
const JSON_TYPE = /^(application|text)\/([\w.-]+\+)?json$/;

/** The media type of a Content-Type, without its parameters. */
export const mediaType = (header = ''): string => header.split(';', 1)[0]?.trim().toLowerCase() ?? '';

/** Whether a request carries an event in binary mode: its attributes are headers (CloudEvents HTTP 1.0.2, 3.1). */
export const isBinaryEvent = (headers: IncomingHttpHeaders): boolean =>
  headers['ce-specversion'] !== undefined;

/** Whether a request carries an event as one JSON object. */
export const isStructuredEvent = (headers: IncomingHttpHeaders): boolean =>
  STRUCTURED.has(mediaType(headers['content-type']));

/**
 * The event of a request, as it stands there: whether it is a good one is for who takes it to say.
 * @throws WORKFLOW_EVENT_INVALID, GATEWAY_TOO_DEEP
 */
export function eventOf(headers: IncomingHttpHeaders, body: Buffer, depth: number): unknown {
  if (!isBinaryEvent(headers)) return parsed(body, depth);
  const event: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && typeof value === 'string') event[name.slice(3)] = decoded(name, value);
  }
  const type = headers['content-type'];
  if (type !== undefined) event.datacontenttype = type;
  if (body.length === 0) return event;
  const essence = mediaType(type);
  if (JSON_TYPE.test(essence)) event.data = parsed(body, depth);
  else if (essence.startsWith('text/')) event.data = text(body);
  else event.data_base64 = body.toString('base64');
  return event;
}

/** A header's value may be quoted, and its characters beyond ASCII are percent-encoded (3.1.3.2). */
function decoded(name: string, value: string): string {
  const plain = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value;
  try {
    return decodeURIComponent(plain);
  } catch {
    throw fail('WORKFLOW_EVENT_INVALID', { problem: `${name} is not percent-encoded UTF-8` });
  }
}

function parsed(body: Buffer, depth: number): unknown {
  if (isTooDeep(body, depth)) throw fail('GATEWAY_TOO_DEEP', { limit: depth });
  try {
    return JSON.parse(text(body));
  } catch (error) {
    if (error instanceof SyntaxError) throw fail('WORKFLOW_EVENT_INVALID', { problem: 'it is not JSON' });
    throw error;
  }
}

function text(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw fail('WORKFLOW_EVENT_INVALID', { problem: 'it is not UTF-8' });
  }
}
