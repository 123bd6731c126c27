import { standardError } from '../fault.ts';
import { isStream, OPERATIONS, paramsOf } from './a2a-params.ts';
import { type Arguments, readArguments } from './arguments.ts';
import { type Credentials, scrubbed } from './auth/authenticator.ts';
import { endpointOf, type HttpTools } from './http.ts';
import { failureOf, MAX_ANSWER } from './outgoing.ts';
import { type A2aPort, type A2aTarget, PeerError } from './ports.ts';
import { descriptionOf, type Resources } from './resources.ts';
import type { CallContext, CallHandler } from './types.ts';
import { expandUri, urlOf } from './uri.ts';

export interface A2aTools extends HttpTools {
  port: A2aPort;
  resources: Resources;
}

/** Results of one stream; its output is kept whole. */
const MAX_RESULTS = 10_000;
const AGENT = /^[\w.-]+\/[\w.-]+\/[\w.-]+$/;

/**
 * `call: a2a` (DSL 1.0.3, "A2A Call"): one operation of an agent, its result in the JSON of A2A 1.0; of a stream
 * an array of all results. A task that failed is a result: what it means is for the workflow to say.
 */
export function a2aCalls(tools: A2aTools): CallHandler {
  return async (given, context) => {
    const args = readArguments('a2a', given);
    const operation = OPERATIONS[args.method];
    const params = paramsOf(operation, args.parameters ?? {}, context.idempotencyKey);
    const { target, credentials, where } = await targetOf(args, tools, context);
    const { signal } = context;
    try {
      const agent = await tools.port.open({ target, signal, meta: context.meta });
      try {
        const results: unknown[] = [];
        let size = 0;
        for await (const result of agent.request(operation, params, { signal })) {
          results.push(result);
          size += JSON.stringify(result ?? null).length;
          if (results.length > MAX_RESULTS || size > MAX_ANSWER) {
            throw standardError('communication', `${where} answers with more than can be kept`, {
              status: 502,
            });
          }
          if (isStream(operation)) context.progress(operation, result);
        }
        return isStream(operation) ? results : (results[0] ?? null);
      } finally {
        await agent.close();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof PeerError) {
        const fault = standardError('runtime', `${where} refuses ${args.method}`, { detail: error.message });
        throw scrubbed(fault, credentials);
      }
      throw scrubbed(failureOf(error, where), credentials);
    }
  };
}

const NOBODY: Pick<Credentials, 'scrub'> = { scrub: (text) => text };

async function targetOf(
  { agentCard, server }: Arguments<'a2a'>,
  { outgoing, authenticate, resources }: A2aTools,
  context: CallContext,
): Promise<{ target: A2aTarget; credentials: Pick<Credentials, 'scrub'>; where: string }> {
  if (server !== undefined) {
    const { uri, authentication } = endpointOf(server);
    const bus = busAgent(expandUri(uri, context.input));
    if (bus !== null) return { target: bus, credentials: NOBODY, where: bus.id };
    const url = urlOf(uri, context.input, ['http:', 'https:']);
    const credentials = await authenticate(authentication, context);
    const fetch = credentials.wrap(outgoing.fetch, url.origin);
    const where = `${url.origin}${url.pathname}`;
    return { target: { kind: 'server', url: url.href, fetch }, credentials, where };
  }
  const resource = await resources.read(agentCard, context);
  const { authentication } = endpointOf(agentCard?.endpoint ?? '');
  const credentials = await authenticate(authentication, context);
  const card = descriptionOf(resource);
  // The card may name other places: they are judged like all, and not shown the credentials.
  const fetch = credentials.wrap(outgoing.fetch, resource.url.origin);
  return {
    target: { kind: 'card', card, fetch },
    credentials,
    where: String(card.name ?? resource.url.href),
  };
}

/** `mqtt://HOST/org/unit/agent`, or the id alone; null if it is neither. */
function busAgent(text: string): Extract<A2aTarget, { kind: 'bus' }> | null {
  if (AGENT.test(text)) return { kind: 'bus', id: text, host: null };
  const url = URL.parse(text);
  if (url === null || !/^mqtts?:$/.test(url.protocol)) return null;
  const id = url.pathname.replace(/^\//, '');
  if (!AGENT.test(id) || url.username !== '' || url.password !== '') {
    throw standardError('configuration', `${url.protocol}//${url.host} is followed by no id of an agent`, {
      detail: 'An agent of a bus is mqtt://HOST/ORG/UNIT/AGENT.',
    });
  }
  return { kind: 'bus', id, host: url.host === '' ? null : url.host };
}
