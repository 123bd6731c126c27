import type { AgentCard, SendMessageRequest, StreamResponse } from '@a2a-js/sdk';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';
import { ExtendedAgentCardNotConfiguredError, UnsupportedOperationError } from '@a2a-js/sdk/errors';
import type { A2ARequestHandler, ServerCallContext } from '@a2a-js/sdk/server';
import type { Env } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';
import { type Call, callOf } from './call.ts';
import { outward, type Wire } from './failure.ts';
import type { StreamSlots } from './limits.ts';
import type { Doors } from './users.ts';

export interface BridgeOptions {
  env: Env;
  wire: Wire;
  /** `org/unit/agent` */
  agent: string;
  /** The card that HTTP clients see. */
  card: () => AgentCard;
  doors: Doors;
  streams: StreamSlots;
  requestMs: number;
}

interface Ask {
  client: Client;
  options: RequestOptions;
}

/**
 * An A2A request handler that has no tasks of its own: each operation is one operation on the bus, asked
 * as the caller's member. Task states and order are the agent's. When the client leaves, only the
 * operation ends; its task goes on.
 */
export function bridgeTo(bridge: BridgeOptions): A2ARequestHandler {
  const { env, wire, agent, card } = bridge;

  /** One operation that answers once. @throws what `outward` makes of an error */
  async function once<T>(
    context: ServerCallContext,
    work: (ask: Ask) => Promise<T>,
    known: Record<string, string> = {},
  ): Promise<T> {
    const call = callOf(context);
    const late = new AbortController();
    const timer = env.clock.setTimeout(
      () => late.abort(fail('GATEWAY_TIMEOUT', { agent, ms: bridge.requestMs })),
      bridge.requestMs,
    );
    let release: () => void = () => undefined;
    try {
      const held = await bridge.doors.take(call.user);
      release = held.release;
      const client = await held.member.client(agent);
      const signal = AbortSignal.any([call.signal, late.signal]);
      return await work({ client, options: optionsOf(context, call, signal) });
    } catch (error) {
      throw outward(error, wire, env.log, error instanceof NetAgentError ? known : {});
    } finally {
      env.clock.clearTimeout(timer);
      release();
    }
  }

  async function* stream(
    context: ServerCallContext,
    open: (ask: Ask) => AsyncIterable<StreamResponse>,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    const call = callOf(context);
    let free: () => void = () => undefined;
    let release: () => void = () => undefined;
    try {
      free = bridge.streams.take(call.client);
      const held = await bridge.doors.take(call.user);
      release = held.release;
      const client = await held.member.client(agent);
      const options = optionsOf(context, call, call.signal);
      for await (const event of open({ client, options })) {
        await call.ready();
        if (call.signal.aborted) return;
        yield event;
      }
    } catch (error) {
      if (call.signal.aborted) return;
      throw outward(error, wire, env.log);
    } finally {
      free();
      release();
    }
  }

  /** Extensions of a send that the agent offers are active; it answers so itself (A2A 3.2.6). */
  function activate(context: ServerCallContext): void {
    const offered = new Set(card().capabilities?.extensions.map(({ uri }) => uri));
    for (const uri of context.requestedExtensions ?? []) {
      if (offered.has(uri)) context.addActivatedExtension(uri);
    }
  }

  return {
    async getAgentCard() {
      try {
        return card();
      } catch (error) {
        throw outward(error, wire, env.log);
      }
    },
    async getAuthenticatedExtendedAgentCard(params, context) {
      if (card().capabilities?.extendedAgentCard !== true) {
        throw new UnsupportedOperationError('This agent has no extended card.');
      }
      const extended = await once(context, ({ client, options }) =>
        client.transport.getExtendedAgentCard(tenanted(params, context), options),
      );
      if (extended.name === '') throw new ExtendedAgentCardNotConfiguredError();
      const { supportedInterfaces, securitySchemes, securityRequirements } = card();
      // Its addresses and credentials are those of the bus.
      return { ...extended, supportedInterfaces, securitySchemes, securityRequirements, signatures: [] };
    },
    sendMessage(params, context) {
      const named = tenanted(withTaskId(params, env), context);
      const taskId = named.message?.taskId ?? '';
      return once(
        context,
        async ({ client, options }) => {
          await requireKnown(client, tenanted(params, context), options);
          const result = await client.sendMessage(named, options);
          activate(context);
          return result;
        },
        { taskId },
      );
    },
    sendMessageStream(params, context) {
      activate(context);
      const sent = tenanted(params, context);
      return stream(context, async function* ({ client, options }) {
        await requireKnown(client, sent, options);
        yield* client.sendMessageStream(sent, options);
      });
    },
    resubscribe: (params, context) =>
      stream(context, ({ client, options }) => client.resubscribeTask(tenanted(params, context), options)),
    getTask: (params, context) =>
      once(context, ({ client, options }) => client.getTask(tenanted(params, context), options)),
    cancelTask: (params, context) =>
      once(context, ({ client, options }) => client.cancelTask(tenanted(params, context), options)),
    listTasks: (params, context) =>
      once(context, ({ client, options }) => client.listTasks(tenanted(params, context), options)),
    createTaskPushNotificationConfig: (params, context) =>
      once(context, async ({ client, options }) =>
        client.createTaskPushNotificationConfig(tenanted(params, context), options),
      ),
    getTaskPushNotificationConfig: (params, context) =>
      once(context, async ({ client, options }) =>
        client.getTaskPushNotificationConfig(tenanted(params, context), options),
      ),
    listTaskPushNotificationConfigs: (params, context) =>
      once(context, async ({ client, options }) =>
        client.listTaskPushNotificationConfig(tenanted(params, context), options),
      ),
    deleteTaskPushNotificationConfig: (params, context) =>
      once(context, async ({ client, options }) =>
        client.deleteTaskPushNotificationConfig(tenanted(params, context), options),
      ),
  };
}

/**
 * Over HTTP a task id in a message must be of a task that exists (A2A 3.4.2); over MQTT an unknown one
 * would start a task.
 */
async function requireKnown(
  client: Client,
  { tenant, message }: SendMessageRequest,
  options: RequestOptions,
): Promise<void> {
  if (message === undefined || message.taskId === '') return;
  await client.getTask({ tenant, id: message.taskId, historyLength: 0 }, options);
}

/**
 * The tenant may stand in the path: the REST handler of the SDK (1.3.0) writes it into `request.query`, where
 * express 5 forgets it, but also into the context.
 */
function tenanted<P extends { tenant: string }>(params: P, context: ServerCallContext): P {
  return params.tenant === '' && context.tenant ? { ...params, tenant: context.tenant } : params;
}

/** The id of a new task is made here, so that a failure can name the task that may go on. */
function withTaskId(params: SendMessageRequest, env: Env): SendMessageRequest {
  const { message } = params;
  if (message === undefined || message.taskId !== '') return params;
  const contextId = message.contextId === '' ? env.ids.uuid() : message.contextId;
  return { ...params, message: { ...message, taskId: env.ids.uuid(), contextId } };
}

/**
 * Extensions that the client asked for travel on; the version is the bus client's own. Credentials do so
 * only where the gateway was told to pass them: a token for the gateway is not one for an agent.
 */
function optionsOf(context: ServerCallContext, call: Call, signal: AbortSignal): RequestOptions {
  const serviceParameters: Record<string, string> = {};
  const extensions = context.requestedExtensions ?? [];
  if (extensions.length > 0) serviceParameters['A2A-Extensions'] = extensions.join(',');
  if (call.authorization !== undefined) serviceParameters['a2a-authorization'] = call.authorization;
  return { signal, serviceParameters };
}
