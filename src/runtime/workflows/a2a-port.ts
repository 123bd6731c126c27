import {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  Message,
  SendMessageRequest,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  type RequestOptions,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import { A2AError } from '@a2a-js/sdk/errors';
import { NetAgentError } from '../../errors.ts';
import {
  type A2aOperation,
  type A2aPort,
  type A2aTarget,
  PeerError,
  standardError,
} from '../../workflow/calls/index.ts';

export interface A2aPortOptions {
  /** Agents of the bus, by what the run was given; without it there are none. */
  bus?: {
    /** `host:port` of the bus, as a document may name it. */
    host: string;
    client(id: string, meta: Record<string, unknown>): Promise<Client>;
  };
}

const LEGACY = { legacyCompat: { enabled: true } };

/** A2A for workflows: JSON-RPC and REST of versions 1.0 and 0.3 by the card, and the bus by id. */
export function a2aPort({ bus }: A2aPortOptions = {}): A2aPort {
  return {
    async open({ target, meta }) {
      const client = await clientOf(target, bus, meta).catch(failed);
      return {
        async *request(operation, params, options) {
          try {
            yield* perform(client, operation, params, options);
          } catch (error) {
            failed(error);
          }
        },
        // Connections are of the fetch that was given, or of the bus.
        close: async () => {},
      };
    },
  };
}

async function clientOf(
  target: A2aTarget,
  bus: A2aPortOptions['bus'],
  meta: Record<string, unknown>,
): Promise<Client> {
  if (target.kind === 'bus') {
    if (bus === undefined || (target.host !== null && target.host !== bus.host)) {
      throw standardError('configuration', `No bus ${target.host ?? ''} can be reached here`, {
        detail: bus === undefined ? '' : `The bus here is mqtt://${bus.host}.`,
      });
    }
    return bus.client(target.id, meta);
  }
  const fetchImpl = target.fetch as typeof fetch;
  const card =
    target.kind === 'card'
      ? AgentCard.fromJSON(new DefaultAgentCardResolver(LEGACY).normalizeAgentCard(target.card))
      : cardFor(target.url);
  return new ClientFactory({
    transports: [
      new JsonRpcTransportFactory({ fetchImpl, ...LEGACY }),
      new RestTransportFactory({ fetchImpl, ...LEGACY }),
    ],
  }).createFromAgentCard(card);
}

/** A document that names only an address means JSON-RPC of version 1.0, with all that it offers. */
function cardFor(url: string): AgentCard {
  return AgentCard.fromJSON({
    name: url,
    supportedInterfaces: [{ url, protocolBinding: 'JSONRPC', protocolVersion: '1.0' }],
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true },
  });
}

async function* perform(
  client: Client,
  operation: A2aOperation,
  params: Record<string, unknown>,
  options: RequestOptions,
): AsyncGenerator<unknown> {
  switch (operation) {
    case 'SendMessage': {
      const result = await client.sendMessage(SendMessageRequest.fromJSON(params), options);
      yield 'messageId' in result ? { message: Message.toJSON(result) } : { task: Task.toJSON(result) };
      return;
    }
    case 'SendStreamingMessage':
      for await (const one of client.sendMessageStream(SendMessageRequest.fromJSON(params), options)) {
        yield StreamResponse.toJSON(one);
      }
      return;
    case 'SubscribeToTask':
      for await (const one of client.resubscribeTask(SubscribeToTaskRequest.fromJSON(params), options)) {
        yield StreamResponse.toJSON(one);
      }
      return;
    case 'GetTask':
      yield Task.toJSON(await client.getTask(GetTaskRequest.fromJSON(params), options));
      return;
    case 'ListTasks':
      yield ListTasksResponse.toJSON(await client.listTasks(ListTasksRequest.fromJSON(params), options));
      return;
    case 'CancelTask':
      yield Task.toJSON(await client.cancelTask(CancelTaskRequest.fromJSON(params), options));
      return;
    case 'CreateTaskPushNotificationConfig': {
      const config = TaskPushNotificationConfig.fromJSON(params);
      yield TaskPushNotificationConfig.toJSON(await client.createTaskPushNotificationConfig(config, options));
      return;
    }
    case 'GetTaskPushNotificationConfig': {
      const wanted = GetTaskPushNotificationConfigRequest.fromJSON(params);
      yield TaskPushNotificationConfig.toJSON(await client.getTaskPushNotificationConfig(wanted, options));
      return;
    }
    case 'ListTaskPushNotificationConfigs': {
      const wanted = ListTaskPushNotificationConfigsRequest.fromJSON(params);
      const list = await client.listTaskPushNotificationConfig(wanted, options);
      yield ListTaskPushNotificationConfigsResponse.toJSON(list);
      return;
    }
    case 'DeleteTaskPushNotificationConfig': {
      const wanted = DeleteTaskPushNotificationConfigRequest.fromJSON(params);
      await client.deleteTaskPushNotificationConfig(wanted, options);
      yield null;
      return;
    }
    case 'GetExtendedAgentCard':
      yield AgentCard.toJSON(await client.getAgentCard(options));
  }
}

/** What the agent answered, as against what became of the way to it. */
function failed(error: unknown): never {
  if (error instanceof A2AError) throw new PeerError(error.message);
  if (error instanceof NetAgentError) {
    throw standardError('communication', error.message, { status: error.status, detail: error.code });
  }
  throw error;
}
