import { z } from 'zod';
import type { Clock, Ids } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import type { CloudEvent } from './types.ts';

/** Bytes of an event as JSON; intermediaries must forward 64 KiB (CloudEvents 1.0.2, "Size Limits"). */
const MAX_BYTES = 256 * 1024;
/** RFC 3986 `URI-reference`: its characters, and a scheme wherever a colon comes before the path's first slash. */
const CHARACTERS = /^(?:[\w\-.~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+$/;
const SCHEME = /^[A-Za-z][A-Za-z0-9+\-.]*$/;

/** Whether a text is an RFC 3986 URI reference, relative or not. */
export function isUriReference(text: string): boolean {
  if (!CHARACTERS.test(text) || text.split('#').length > 2) return false;
  const [head = ''] = text.split(/[/?#]/, 1);
  return !head.includes(':') || SCHEME.test(head.slice(0, head.indexOf(':')));
}

const text = z
  .string()
  .min(1)
  .regex(/^[^\p{Cc}\p{Noncharacter_Code_Point}]*$/u, 'has control characters');
const reference = text.refine(isUriReference, 'is not a URI reference');
/** Attributes of the specification with their types; `data` and `data_base64` are members of the JSON format. */
const ATTRIBUTES = {
  specversion: z.literal('1.0'),
  id: text,
  source: reference,
  type: text,
  time: z.iso.datetime({ offset: true }).optional(),
  subject: text.optional(),
  datacontenttype: text.regex(/^[^\s/;]+\/[^\s/;]+(?:\s*;.*)?$/, 'is not a media type').optional(),
  dataschema: reference.refine((uri) => /^[^/?#]+:/.test(uri), 'is not an absolute URI').optional(),
  data: z.unknown().optional(),
  data_base64: z.base64().optional(),
};
/** Boolean, integer of 32 bits, or text: the types that an extension attribute can have in JSON. */
const extension = z.union([z.boolean(), z.int32(), z.string()], 'is no boolean, 32-bit integer or text');

const schema = z
  .object(ATTRIBUTES)
  .catchall(extension)
  .superRefine((event, context) => {
    for (const name of Object.keys(event)) {
      if (!Object.hasOwn(ATTRIBUTES, name) && !/^[a-z0-9]{1,40}$/.test(name)) {
        context.addIssue({ code: 'custom', path: [name], message: 'is not a name of lower-case letters' });
      }
    }
    if (event.data_base64 !== undefined && event.data !== undefined) {
      context.addIssue({ code: 'custom', path: ['data'], message: 'excludes data_base64' });
    }
  });

/**
 * Reads an event; attributes that are null are taken as not set. The result is JSON and shares nothing with
 * what was given.
 * @throws WORKFLOW_EVENT_INVALID with the attribute and what is wrong with it
 */
export function parseEvent(value: unknown): CloudEvent {
  const invalid = (problem: string) => fail('WORKFLOW_EVENT_INVALID', { problem });
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch {
    throw invalid('it is not JSON');
  }
  if (json === undefined || !json.startsWith('{')) throw invalid('it is not an object');
  if (Buffer.byteLength(json) > MAX_BYTES) throw invalid(`it is larger than ${MAX_BYTES} bytes`);
  const set = Object.entries(JSON.parse(json) as object).filter(
    ([name, one]) => one !== null || name === 'data',
  );
  const read = schema.safeParse(Object.fromEntries(set));
  if (read.success) return read.data as CloudEvent;
  const issue = read.error.issues[0];
  throw invalid(`${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
}

export interface EventDefaults {
  clock: Clock;
  ids: Ids;
  /** Of what publishes: `/{namespace}/{name}/{version}` for a workflow. */
  source: string;
}

/**
 * An event of what a publisher has to say: id, time, source and specversion are filled in where missing.
 * @throws WORKFLOW_EVENT_INVALID
 */
export function makeEvent(
  attributes: Record<string, unknown> & { type: string },
  { clock, ids, source }: EventDefaults,
): CloudEvent {
  return parseEvent({
    specversion: '1.0',
    ...attributes,
    id: attributes.id ?? ids.uuid(),
    source: attributes.source ?? source,
    time: attributes.time ?? new Date(clock.now()).toISOString(),
  });
}

/** What makes an event one and the same wherever it is seen: `source` and `id` (CloudEvents 1.0.2, "id"). */
export const identityOf = ({ source, id }: Pick<CloudEvent, 'source' | 'id'>): string =>
  JSON.stringify([source, id]);
