import type { AgentCard, SendMessageRequest } from '@a2a-js/sdk';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';
import { ExtendedAgentCardNotConfiguredError, PushNotificationNotSupportedError } from '@a2a-js/sdk/errors';
import type { A2ARequestHandler, ServerCallContext } from '@a2a-js/sdk/server';

/**
 * An A2A request handler that has no tasks of its own: each operation is one operation of `client`,
 * which reaches the agent over the bus. Task ids, states and order are the agent's.
 */
export function bridgeTo(card: AgentCard, client: () => Promise<Client>): A2ARequestHandler {
  const noPush = async (): Promise<never> => {
    throw new PushNotificationNotSupportedError();
  };
  return {
    getAgentCard: async () => card,
    getAuthenticatedExtendedAgentCard: async () => {
      throw new ExtendedAgentCardNotConfiguredError();
    },
    async sendMessage(params, context) {
      const agent = await client();
      await known(agent, params, context);
      return agent.sendMessage(params, options(context));
    },
    async *sendMessageStream(params, context) {
      const agent = await client();
      await known(agent, params, context);
      yield* agent.sendMessageStream(params, options(context));
    },
    getTask: async (params, context) => (await client()).getTask(params, options(context)),
    cancelTask: async (params, context) => (await client()).cancelTask(params, options(context)),
    listTasks: async (params, context) => (await client()).listTasks(params, options(context)),
    async *resubscribe(params, context) {
      yield* (await client()).resubscribeTask(params, options(context));
    },
    createTaskPushNotificationConfig: noPush,
    getTaskPushNotificationConfig: noPush,
    listTaskPushNotificationConfigs: noPush,
    deleteTaskPushNotificationConfig: noPush,
  };
}

/**
 * Over HTTP a task id in a message must be of a task that exists (A2A 3.4.2); over MQTT an unknown one
 * would start a task.
 */
async function known(
  agent: Client,
  { message }: SendMessageRequest,
  context: ServerCallContext,
): Promise<void> {
  if (message === undefined || message.taskId === '') return;
  await agent.getTask({ tenant: '', id: message.taskId, historyLength: 0 }, options(context));
}

/** Extensions that the HTTP client asked for travel on; the version is the bus client's own. */
function options(context: ServerCallContext): RequestOptions {
  const extensions = context.requestedExtensions ?? [];
  return extensions.length === 0 ? {} : { serviceParameters: { 'A2A-Extensions': extensions.join(',') } };
}
