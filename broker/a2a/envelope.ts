import { StreamResponse } from '@a2a-js/sdk';
import { z } from 'zod';
import { endsStream } from './tasks/fold.ts';

/** JSON-RPC 2.0 envelopes of A2A, and the errors of this binding (profile 0.1). */

/** Looked into by whoever reads it: to go through its keys here would cost more than the rest of the envelope. */
const anObject = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
);
const id = z.union([z.string(), z.int(), z.null()]);

export const RequestEnvelope = z.looseObject({
  jsonrpc: z.literal('2.0'),
  id: id.optional(),
  method: z.string().min(1),
  params: anObject.optional(),
});
export type RequestEnvelope = z.infer<typeof RequestEnvelope>;

const ErrorObject = z.looseObject({
  code: z.int(),
  message: z.string(),
  data: z.union([z.array(z.record(z.string(), z.unknown())), z.record(z.string(), z.unknown())]).optional(),
});

export const ReplyEnvelope = z
  .looseObject({
    jsonrpc: z.literal('2.0'),
    id: id.optional(),
    result: z.unknown().optional(),
    error: ErrorObject.optional(),
  })
  .refine((reply) => 'result' in reply !== 'error' in reply, 'either a result or an error');
export type ReplyEnvelope = z.infer<typeof ReplyEnvelope>;

/** A reply as it arrived, with what its user properties say. */
export type Reply = ReplyEnvelope & { readonly properties?: Readonly<Record<string, string>> };

export const CODE = {
  parse: -32700,
  invalidRequest: -32600,
  invalidParams: -32602,
  internal: -32603,
} as const;

/** Binding errors: their `data` is an object, that of a core error with the same number an array. */
export const BINDING_ERROR = {
  request_expired: -32003,
  responder_unavailable: -32004,
  transport_protocol_error: -32005,
} as const;
export type BindingError = keyof typeof BINDING_ERROR;

export type RequestId = string | number | null;

export function errorReply(id: RequestId, code: number, message: string): ReplyEnvelope {
  return { jsonrpc: '2.0', id, error: { code, message } };
}

export function bindingErrorReply(id: RequestId, kind: BindingError, message: string): ReplyEnvelope {
  return {
    jsonrpc: '2.0',
    id,
    error: { code: BINDING_ERROR[kind], message, data: { a2a_error: kind } },
  };
}

/** The binding error that a reply carries, if it carries one. */
export function bindingErrorOf(reply: ReplyEnvelope): string | null {
  const data = reply.error?.data;
  if (data === undefined || Array.isArray(data)) return null;
  return typeof data.a2a_error === 'string' ? data.a2a_error : null;
}

/** Whether a reply, as it is on the wire, ends its correlation; an error always does. */
export function endsStreamReply(reply: ReplyEnvelope): boolean {
  return reply.error !== undefined || endsStream(StreamResponse.fromJSON(reply.result));
}
