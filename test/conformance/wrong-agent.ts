import { randomUUID } from 'node:crypto';
import mqtt, { type IPublishPacket } from 'mqtt';

/** A small A2A agent on plain MQTT, right in everything but the faults that it is given. */
export type Fault =
  | 'card-not-retained'
  | 'card-without-skills'
  | 'status-missing'
  | 'wrong-id'
  | 'qos-0'
  | 'own-task-id'
  | 'swapped-correlation'
  | 'stream-without-end'
  | 'item-after-end'
  | 'runs-twice'
  | 'takes-forged'
  | 'any-context'
  | 'any-task-id'
  | 'unknown-is-empty'
  | 'core-data-object'
  | 'keeps-history'
  | 'parse-is-internal'
  | 'method-is-params'
  | 'correlation-is-core-error'
  | 'dies-without-response-topic'
  | 'ignores-context-property'
  | 'any-version'
  | 'page-size-0';

interface Task {
  id: string;
  contextId: string;
  status: { state: string; timestamp: string };
  history: Array<{ messageId: string; parts: unknown }>;
}

const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export async function wrongAgent(broker: string, id: string, fault?: Fault): Promise<() => Promise<void>> {
  const has = (one: Fault) => fault === one;
  const client = await mqtt.connectAsync(broker, { clientId: id, protocolVersion: 5 });
  const tasks = new Map<string, Task>();
  let swapped: string | undefined;
  let dead = false;

  const error = (code: number, data?: unknown) => ({
    error: { code, message: 'refused', ...(data === undefined ? {} : { data }) },
  });
  const binding = (code: number, kind: string) => error(code, { a2a_error: kind });
  const notFound = () =>
    has('unknown-is-empty')
      ? { result: {} }
      : error(-32001, has('core-data-object') ? { reason: 'x' } : undefined);

  function send(params: Record<string, unknown>): { task: Task } | { error: object } {
    const sent = params.message as { taskId?: string; contextId: string; messageId: string; parts: unknown };
    if (!UUID_4.test(sent.taskId ?? '') && !has('any-task-id')) return error(-32602);
    const taskId = sent.taskId ?? randomUUID();
    const known = tasks.get(taskId);
    if (known !== undefined) {
      if (known.contextId !== sent.contextId) return has('any-context') ? { task: known } : error(-32602);
      const earlier = known.history.find(({ messageId }) => messageId === sent.messageId);
      const same = JSON.stringify(earlier?.parts) === JSON.stringify(sent.parts);
      if (earlier !== undefined && !same && !has('takes-forged')) return error(-32602);
      if (!has('runs-twice')) return { task: known };
    }
    const task: Task = {
      id: has('own-task-id') ? randomUUID() : taskId,
      contextId: sent.contextId,
      status: { state: 'TASK_STATE_COMPLETED', timestamp: String(process.hrtime.bigint()) },
      history: [sent],
    };
    tasks.set(taskId, task);
    return { task };
  }

  function answer(json: Record<string, unknown>): object[] {
    const params = (json.params ?? {}) as Record<string, unknown>;
    const { method } = json;
    if (method === 'SendMessage' || method === 'SendStreamingMessage') {
      const done = send(params);
      if ('error' in done) return [done];
      if (method === 'SendMessage') return [{ result: { task: done.task } }];
      const { task } = done;
      const update = (state: string) => ({
        result: { statusUpdate: { taskId: task.id, contextId: task.contextId, status: { state } } },
      });
      return [
        { result: { task: { ...task, status: { state: 'TASK_STATE_SUBMITTED' } } } },
        update('TASK_STATE_WORKING'),
        ...(has('stream-without-end') ? [] : [update('TASK_STATE_COMPLETED')]),
        ...(has('item-after-end') ? [update('TASK_STATE_WORKING')] : []),
      ];
    }
    if (method === 'GetTask' || method === 'CancelTask' || method === 'SubscribeToTask') {
      const task = tasks.get(String(params.id));
      if (task === undefined) return [notFound()];
      return [
        { result: params.historyLength === 0 && !has('keeps-history') ? { ...task, history: [] } : task },
      ];
    }
    if (method === 'ListTasks') {
      if (params.pageSize === 0 && !has('page-size-0')) return [error(-32602)];
      return [{ result: { tasks: [], nextPageToken: '', pageSize: 1, totalSize: 0 } }];
    }
    return [error(has('method-is-params') ? -32602 : -32601)];
  }

  function served(payload: Buffer, packet: IPublishPacket): object[] {
    const properties = (packet.properties?.userProperties ?? {}) as Record<string, string>;
    let json: Record<string, unknown>;
    try {
      json = JSON.parse(payload.toString()) as Record<string, unknown>;
    } catch {
      return [error(has('parse-is-internal') ? -32603 : -32700)];
    }
    const own = { jsonrpc: '2.0', id: has('wrong-id') ? 'mine' : (json.id ?? null) };
    const reply = (answers: object[]) => answers.map((one) => ({ ...own, ...one }));
    if (json.jsonrpc !== '2.0') return reply([error(-32600)]);
    if (packet.properties?.correlationData === undefined) {
      return reply([
        has('correlation-is-core-error') ? error(-32005) : binding(-32005, 'transport_protocol_error'),
      ]);
    }
    const version = properties['a2a-version'];
    if (version !== undefined && version !== '1.0' && !has('any-version')) return reply([error(-32009)]);
    const said = properties['a2a-context-id'];
    const message = (json.params as { message?: { contextId?: string } } | undefined)?.message;
    if (said !== undefined && said !== message?.contextId && !has('ignores-context-property')) {
      return reply([binding(-32005, 'transport_protocol_error')]);
    }
    return reply(answer(json));
  }

  client.on('message', (_topic, payload, packet) => {
    const { responseTopic, correlationData } = packet.properties ?? {};
    if (responseTopic === undefined) dead = has('dies-without-response-topic');
    if (responseTopic === undefined || dead) return;
    let correlation = correlationData;
    if (has('swapped-correlation')) {
      const mine = correlationData?.toString();
      correlation = swapped === undefined ? correlationData : Buffer.from(swapped);
      swapped = mine;
    }
    for (const one of served(payload, packet)) {
      client.publish(responseTopic, JSON.stringify(one), {
        qos: has('qos-0') ? 0 : 1,
        properties: correlation === undefined ? {} : { correlationData: correlation },
      });
    }
  });
  await client.subscribeAsync(`$a2a/v1/request/${id}`, { qos: 1 });
  const card = {
    name: 'wrong',
    description: 'Has a fault.',
    version: '1.0.0',
    supportedInterfaces: [
      { url: `${broker}/$a2a/v1/request/${id}`, protocolBinding: 'MQTTv5+JSONRPCv2', protocolVersion: '1.0' },
    ],
    capabilities: { streaming: true },
    defaultInputModes: ['text/plain'],
    defaultOutputModes: ['text/plain'],
    ...(has('card-without-skills') ? {} : { skills: [] }),
  };
  await client.publishAsync(`$a2a/v1/discovery/${id}`, has('card-not-retained') ? '' : JSON.stringify(card), {
    qos: 1,
    retain: true,
    properties: has('status-missing')
      ? {}
      : { userProperties: { 'a2a-status': 'online', 'a2a-status-source': 'agent' } },
  });
  return () => client.endAsync();
}
