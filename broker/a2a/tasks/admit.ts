import { type AgentCard, type Message, Part, type SendMessageRequest } from '@a2a-js/sdk';
import { ExtensionSupportRequiredError, RequestMalformedError } from '@a2a-js/sdk/errors';
import type { ServerCallContext } from '@a2a-js/sdk/server';

/** RFC 9562 version 4: the requester of a new task makes its id (profile 0.1). */
const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;

export interface Admitted {
  params: SendMessageRequest;
  message: Message;
}

/** Checks a send before anything is stored of it. @throws RequestMalformed, ExtensionSupportRequired */
export function admit(params: SendMessageRequest, context: ServerCallContext, card: AgentCard): Admitted {
  const { message } = params;
  if (message === undefined) throw new RequestMalformedError('params.message is required.');
  if (message.messageId === '') throw new RequestMalformedError('message.messageId is required.');
  if (message.parts.length === 0) throw new RequestMalformedError('message.parts has no part.');
  if (!UUID_4.test(message.taskId)) {
    throw new RequestMalformedError(
      'message.taskId is required: over MQTT the requester makes it, a UUID version 4.',
    );
  }
  const offered = card.capabilities?.extensions ?? [];
  const requested = new Set(context.requestedExtensions ?? []);
  const missing = offered.filter(({ uri, required }) => required && !requested.has(uri));
  if (missing.length > 0) {
    throw new ExtensionSupportRequiredError(
      `The agent needs the extensions ${missing.map(({ uri }) => uri).join(', ')}.`,
    );
  }
  for (const { uri } of offered) if (requested.has(uri)) context.addActivatedExtension(uri);
  return { params, message };
}

/** The same ids with other content is a mistake or a replay, never a second task. */
export function requireSame(known: Message, repeated: Message): void {
  const parts = (message: Message) => JSON.stringify(message.parts.map((part) => Part.toJSON(part)));
  const sameContext =
    known.contextId === '' || repeated.contextId === '' || known.contextId === repeated.contextId;
  if (!sameContext || parts(known) !== parts(repeated)) {
    throw new RequestMalformedError('This task id and message id were used with another message.');
  }
}
