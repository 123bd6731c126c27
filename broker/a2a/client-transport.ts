import {
  AgentCard,
  CancelTaskRequest,
  DeleteTaskPushNotificationConfigRequest,
  GetExtendedAgentCardRequest,
  GetTaskPushNotificationConfigRequest,
  GetTaskRequest,
  ListTaskPushNotificationConfigsRequest,
  ListTaskPushNotificationConfigsResponse,
  ListTasksRequest,
  ListTasksResponse,
  SendMessageRequest,
  SendMessageResponse,
  type SendMessageResult,
  StreamResponse,
  SubscribeToTaskRequest,
  Task,
  TaskPushNotificationConfig,
} from '@a2a-js/sdk';
import type { RequestOptions, Transport, TransportFactory } from '@a2a-js/sdk/client';
import { fromJsonRpcErrorResponse } from '@a2a-js/sdk/errors';
import type { Ids } from '../../machines/ports.ts';
import type { ProbeResult } from '../../machines/protocols/request.machine.ts';
import { failBus } from '../errors.ts';
import { ARTIFACT_MODE } from './binary-artifact.ts';
import { BINDING, BINDING_VERSION } from './card.ts';
import { bindingErrorOf, type Reply } from './envelope.ts';
import type { Exchange } from './exchange.ts';
import type { Routes } from './pools/routes.ts';
import { PROPERTY } from './properties.ts';
import { isAtRest } from './tasks/fold.ts';
import { agentOfUrl } from './topics.ts';

export interface TransportOptions {
  exchange: Exchange;
  ids: Ids;
  routes: Routes;
  /** A token for requests to this agent; undefined sends none. */
  token?: ((agent: string) => Promise<string | undefined>) | undefined;
  /** Asks for artifacts as bytes in streams. */
  binaryArtifacts?: boolean | undefined;
}

/** How often the rest of a stream is asked for without getting any further. */
const MAX_RESUMES = 3;

/** Makes A2A clients of the SDK speak over the bus. */
export function mqttTransportFactory(options: TransportOptions): TransportFactory {
  return {
    protocolName: BINDING,
    async create(url) {
      const agent = agentOfUrl(url);
      if (agent === null) throw failBus('BUS_ID_INVALID', { id: url });
      return new MqttTransport(options, agent);
    },
  };
}

class MqttTransport implements Transport {
  readonly protocolName = BINDING;
  readonly protocolVersion = BINDING_VERSION;
  readonly #exchange: Exchange;
  readonly #ids: Ids;
  readonly #routes: Routes;
  /** The agent or pool that is asked. */
  readonly #agent: string;

  readonly #token: TransportOptions['token'];
  readonly #modes: Record<string, string>;

  constructor({ exchange, ids, routes, token, binaryArtifacts }: TransportOptions, agent: string) {
    this.#modes = binaryArtifacts ? { [ARTIFACT_MODE]: 'binary' } : {};
    this.#exchange = exchange;
    this.#ids = ids;
    this.#routes = routes;
    this.#token = token;
    this.#agent = agent;
  }

  /**
   * A blocking send that outlives the first-reply time comes back from the responder as a task that
   * still runs; it is then followed to its rest.
   */
  async sendMessage(params: SendMessageRequest, options?: RequestOptions): Promise<SendMessageResult> {
    const request = this.#withIds(params);
    const { payload } = await this.#call(
      'SendMessage',
      request.message?.taskId,
      SendMessageRequest.toJSON(request),
      options,
      (json) => SendMessageResponse.fromJSON(json),
    );
    if (payload === undefined) throw this.#invalid('SendMessage', 'neither a task nor a message');
    const task = payload.$case === 'task' ? payload.value : undefined;
    const running = task !== undefined && !isAtRest(task.status?.state);
    if (task === undefined || !running || params.configuration?.returnImmediately) return payload.value;
    await drain(this.resubscribeTask({ tenant: params.tenant, id: task.id }, options)).catch((error) => {
      // It may have ended between the two calls; then there is nothing to follow.
      if ((error as { name?: string }).name !== 'UnsupportedOperationError') throw error;
    });
    return this.getTask(
      { tenant: params.tenant, id: task.id, historyLength: params.configuration?.historyLength },
      options,
    );
  }

  sendMessageStream(params: SendMessageRequest, options?: RequestOptions) {
    const request = this.#withIds(params);
    const taskId = request.message?.taskId ?? '';
    return this.#stream('SendStreamingMessage', SendMessageRequest.toJSON(request), taskId, options);
  }

  resubscribeTask(params: SubscribeToTaskRequest, options?: RequestOptions) {
    return this.#stream('SubscribeToTask', SubscribeToTaskRequest.toJSON(params), params.id, options);
  }

  getTask(params: GetTaskRequest, options?: RequestOptions): Promise<Task> {
    return this.#call('GetTask', params.id, GetTaskRequest.toJSON(params), options, (json) =>
      Task.fromJSON(json),
    );
  }

  cancelTask(params: CancelTaskRequest, options?: RequestOptions): Promise<Task> {
    return this.#call('CancelTask', params.id, CancelTaskRequest.toJSON(params), options, (json) =>
      Task.fromJSON(json),
    );
  }

  listTasks(params: ListTasksRequest, options?: RequestOptions): Promise<ListTasksResponse> {
    return this.#call('ListTasks', undefined, ListTasksRequest.toJSON(params), options, (json) =>
      ListTasksResponse.fromJSON(json),
    );
  }

  getExtendedAgentCard(params: GetExtendedAgentCardRequest, options?: RequestOptions): Promise<AgentCard> {
    return this.#call(
      'GetExtendedAgentCard',
      undefined,
      GetExtendedAgentCardRequest.toJSON(params),
      options,
      (json) => AgentCard.fromJSON(json),
    );
  }

  createTaskPushNotificationConfig(params: TaskPushNotificationConfig, options?: RequestOptions) {
    const json = TaskPushNotificationConfig.toJSON(params);
    return this.#call('CreateTaskPushNotificationConfig', params.taskId, json, options, (result) =>
      TaskPushNotificationConfig.fromJSON(result),
    );
  }

  getTaskPushNotificationConfig(params: GetTaskPushNotificationConfigRequest, options?: RequestOptions) {
    const json = GetTaskPushNotificationConfigRequest.toJSON(params);
    return this.#call('GetTaskPushNotificationConfig', params.taskId, json, options, (result) =>
      TaskPushNotificationConfig.fromJSON(result),
    );
  }

  listTaskPushNotificationConfig(params: ListTaskPushNotificationConfigsRequest, options?: RequestOptions) {
    const json = ListTaskPushNotificationConfigsRequest.toJSON(params);
    return this.#call('ListTaskPushNotificationConfigs', params.taskId, json, options, (result) =>
      ListTaskPushNotificationConfigsResponse.fromJSON(result),
    );
  }

  deleteTaskPushNotificationConfig(
    params: DeleteTaskPushNotificationConfigRequest,
    options?: RequestOptions,
  ) {
    const json = DeleteTaskPushNotificationConfigRequest.toJSON(params);
    return this.#call('DeleteTaskPushNotificationConfig', params.taskId, json, options, () => undefined);
  }

  async #call<T>(
    method: string,
    taskId: string | undefined,
    params: unknown,
    options: RequestOptions | undefined,
    decode: (json: unknown) => T,
  ): Promise<T> {
    const reply = await this.#exchange.ask({
      to: this.#routes.to(this.#agent, taskId ?? ''),
      method,
      params,
      streaming: false,
      properties: await this.#propertiesOf(options),
      signal: options?.signal,
    });
    this.#routes.note(this.#agent, taskId ?? '', reply.properties?.[PROPERTY.responder]);
    this.#throwError(method, reply);
    return this.#decode(method, reply, decode);
  }

  /**
   * A stream whose items are numbered is whole: a repeated item is dropped, and where one is missing the
   * rest is asked for by the number of the last.
   */
  async *#stream(
    method: string,
    params: unknown,
    taskId: string,
    options: RequestOptions | undefined,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    let last = 0;
    let resumedAt = 0;
    let resumes = 0;
    let call = { method, params, properties: { ...(await this.#propertiesOf(options)), ...this.#modes } };
    while (true) {
      let missed = false;
      const to = this.#routes.to(this.#agent, taskId);
      const probe = async (deliver: (reply: Reply) => void): Promise<ProbeResult> => {
        // Never published again after the first item: on a stall the task is asked for (profile 0.1).
        const task = await this.getTask({ tenant: '', id: taskId, historyLength: 0 }, options);
        if (this.#routes.to(this.#agent, taskId) !== to && to !== this.#agent) {
          // Handed over: the stream that was followed is gone with its agent.
          missed = true;
          last = 0;
          return { state: 'settled' };
        }
        if (!isAtRest(task.status?.state)) return { state: 'live' };
        missed = last > 0;
        if (!missed) deliver({ jsonrpc: '2.0', result: { task: Task.toJSON(task) } });
        return { state: 'settled' };
      };
      const signal = options?.signal;
      for await (const reply of this.#exchange.open({
        to,
        streaming: true,
        signal,
        probe,
        ...call,
      })) {
        this.#throwError(call.method, reply);
        // Every agent numbers by its own log.
        if (this.#routes.note(this.#agent, taskId, reply.properties?.[PROPERTY.responder])) last = 0;
        const seq = Number(reply.properties?.[PROPERTY.seq] ?? 0);
        if (last > 0 && seq > 0 && seq <= last) continue;
        missed = last > 0 && seq > last + 1;
        if (missed) break;
        last = Math.max(last, seq);
        yield this.#decode(call.method, reply, (json) => StreamResponse.fromJSON(json));
      }
      if (!missed) return;
      resumes = last > resumedAt ? 0 : resumes + 1;
      if (resumes > MAX_RESUMES) throw this.#invalid(call.method, 'an item of the stream never comes whole');
      resumedAt = last;
      call = {
        method: 'SubscribeToTask',
        params: SubscribeToTaskRequest.toJSON({ tenant: '', id: taskId }),
        properties: {
          ...(await this.#propertiesOf(options)),
          ...this.#modes,
          ...(last === 0 ? {} : { [PROPERTY.lastSeq]: String(last) }),
        },
      };
    }
  }

  async #propertiesOf(options: RequestOptions | undefined): Promise<Record<string, string>> {
    const properties = propertiesOf(options);
    const token = await this.#token?.(this.#agent);
    return token === undefined ? properties : { ...properties, [PROPERTY.authorization]: `Bearer ${token}` };
  }

  /** Profile 0.1: the requester makes the ids of a new task. */
  #withIds(params: SendMessageRequest): SendMessageRequest {
    const message = params.message;
    if (message === undefined) return params;
    const known = message.taskId !== '';
    return {
      ...params,
      message: {
        ...message,
        taskId: known ? message.taskId : this.#ids.uuid(),
        contextId: message.contextId === '' && !known ? this.#ids.uuid() : message.contextId,
      },
    };
  }

  /** The number alone does not tell a binding error from a core error; `data` does. */
  #throwError(method: string, reply: Reply): void {
    if (reply.error === undefined) return;
    const { code, message, data } = reply.error;
    if (bindingErrorOf(reply) !== null) {
      throw failBus('BUS_BINDING_REFUSED', { agent: this.#agent, method, problem: message });
    }
    throw fromJsonRpcErrorResponse({
      jsonrpc: '2.0',
      id: reply.id ?? null,
      error: { code, message, ...(data === undefined ? {} : { data }) },
    });
  }

  #decode<T>(method: string, reply: Reply, decode: (json: unknown) => T): T {
    try {
      return decode(reply.result);
    } catch (error) {
      throw this.#invalid(method, error instanceof Error ? error.message : String(error));
    }
  }

  #invalid(method: string, problem: string) {
    return failBus('BUS_REPLY_INVALID', { agent: this.#agent, method, problem });
  }
}

/** Service parameters travel as user properties. */
function propertiesOf(options: RequestOptions | undefined): Record<string, string> {
  const properties: Record<string, string> = { [PROPERTY.version]: BINDING_VERSION };
  for (const [name, value] of Object.entries(options?.serviceParameters ?? {})) {
    properties[name.toLowerCase()] = value;
  }
  return properties;
}

async function drain(stream: AsyncGenerator<StreamResponse>): Promise<void> {
  for await (const _ of stream);
}
