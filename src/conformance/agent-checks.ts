import { randomUUID } from 'node:crypto';
import { type Check, expect, skip } from './check.ts';
import type { Answer, Probe } from './probe.ts';

/** What is checked of an agent, against the A2A-over-MQTT profile 0.1 and A2A 1.0. */
export interface AgentContext {
  probe: Probe;
  /** `org/unit/agent` */
  agent: string;
  /** What the agent is sent; it may refuse it, as long as it does so by the rules. */
  text: string;
}

interface Task {
  id?: string;
  contextId?: string;
  status?: { state?: string };
}

const FINAL = /^TASK_STATE_(COMPLETED|FAILED|CANCELED|REJECTED|INPUT_REQUIRED|AUTH_REQUIRED)$/;

const show = (value: unknown) => JSON.stringify(value)?.slice(0, 300) ?? 'nothing';
const resultOf = (answer: Answer | undefined) => answer?.json?.result as Record<string, unknown> | undefined;
const errorOf = (answer: Answer | undefined) =>
  answer?.json?.error as { code?: number; message?: string; data?: unknown } | undefined;

function message(text: string, ids: { taskId?: string; contextId?: string; messageId?: string } = {}) {
  return {
    messageId: ids.messageId ?? randomUUID(),
    taskId: ids.taskId ?? randomUUID(),
    contextId: ids.contextId ?? randomUUID(),
    role: 'ROLE_USER',
    parts: [{ text }],
  };
}

const call = (method: string, params: object, id: unknown = randomUUID()) =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

/** One request and its one answer. */
async function ask(
  { probe }: AgentContext,
  payload: string,
  more: { correlation?: string; userProperties?: Record<string, string> } = {},
): Promise<Answer> {
  const correlation = more.correlation ?? randomUUID();
  const [answer] = await probe.exchange({ ...more, payload, correlation });
  expect(answer !== undefined, () => 'no answer with the Correlation Data of the request came');
  expect(answer.json !== undefined, () => 'the answer is not JSON');
  return answer;
}

/** Whether an item of a stream ends it (profile: streaming). */
function ends(answer: Answer): boolean {
  if (answer.empty || errorOf(answer) !== undefined) return true;
  const result = resultOf(answer);
  if (result === undefined || result.message !== undefined) return true;
  const state = ((result.statusUpdate ?? result.task) as Task | undefined)?.status?.state ?? '';
  return result.statusUpdate === undefined
    ? /COMPLETED|FAILED|CANCELED|REJECTED/.test(state)
    : FINAL.test(state);
}

async function stream(context: AgentContext, sent: object): Promise<Answer[]> {
  const payload = call('SendStreamingMessage', { message: sent });
  return context.probe.exchange({ payload, correlation: randomUUID() }, ends);
}

function expectError(answer: Answer, code: number): void {
  const error = errorOf(answer);
  expect(error?.code === code, () => `expected the error ${code}, got ${show(answer.json)}`);
}

function expectBindingError(answer: Answer, kind: string, code: number): void {
  const error = errorOf(answer);
  const data = error?.data as { a2a_error?: string } | undefined;
  const told = error?.code === code && data?.a2a_error === kind;
  expect(told, () => `expected ${code} with data.a2a_error "${kind}", got ${show(answer.json)}`);
}

const taskOf = (answer: Answer): Task | undefined => resultOf(answer)?.task as Task | undefined;

export const AGENT_CHECKS: ReadonlyArray<Check<AgentContext>> = [
  {
    id: 'discovery.card',
    source: 'profile 0.1, discovery',
    level: 'core',
    says: 'The card is retained on the discovery topic and names the agent, its version, skills and interfaces.',
    async run({ probe, agent }) {
      const found = await probe.card(agent);
      expect(found !== undefined, () => `nothing is retained on $a2a/v1/discovery/${agent}`);
      expect(found.packet.retain, () => 'the card came without the retain flag');
      let card: Record<string, unknown>;
      try {
        card = JSON.parse(found.payload.toString()) as Record<string, unknown>;
      } catch {
        expect(false, () => 'the card is not JSON');
      }
      for (const field of ['name', 'description', 'version']) {
        expect(typeof card[field] === 'string' && card[field] !== '', () => `the card has no ${field}`);
      }
      const interfaces = card.supportedInterfaces as Array<Record<string, string>> | undefined;
      expect(Array.isArray(interfaces) && interfaces.length > 0, () => 'the card has no supportedInterfaces');
      const mqtt = interfaces.some(({ protocolBinding }) => /mqtt/i.test(protocolBinding ?? ''));
      expect(mqtt, () => `no interface is MQTT: ${show(interfaces)}`);
      expect(Array.isArray(card.skills), () => 'the card has no skills');
    },
  },
  {
    id: 'discovery.status',
    source: 'profile 0.1, presence',
    level: 'core',
    says: 'The card says a2a-status online, and who says so.',
    async run({ probe, agent }) {
      const found = await probe.card(agent);
      const properties = (found?.packet.properties?.userProperties ?? {}) as Record<string, unknown>;
      expect(properties['a2a-status'] === 'online', () => `a2a-status is ${show(properties['a2a-status'])}`);
      const source = properties['a2a-status-source'];
      expect(source === 'agent' || source === 'broker', () => `a2a-status-source is ${show(source)}`);
    },
  },
  {
    id: 'reply.unary',
    source: 'profile 0.1, request and reply',
    level: 'core',
    says: 'SendMessage is answered on the Response Topic at QoS 1, with the Correlation Data and the JSON-RPC id.',
    async run(context) {
      const answer = await ask(context, call('SendMessage', { message: message(context.text) }, 'id-7'));
      expect(answer.json?.jsonrpc === '2.0', () => `no JSON-RPC 2.0: ${show(answer.json)}`);
      expect(answer.json?.id === 'id-7', () => `the id is ${show(answer.json?.id)}, not "id-7"`);
      expect(answer.qos === 1, () => `the answer came at QoS ${answer.qos}`);
      const result = resultOf(answer);
      const known = result?.task !== undefined || result?.message !== undefined;
      expect(known, () => `the result is neither {task} nor {message}: ${show(answer.json)}`);
    },
  },
  {
    id: 'reply.ids',
    source: 'profile 0.1, task identity',
    level: 'core',
    says: "The task has the requester's task id and context id.",
    async run(context) {
      const sent = message(context.text);
      const task = taskOf(await ask(context, call('SendMessage', { message: sent })));
      if (task === undefined) skip('the agent answers with messages, not tasks');
      expect(task.id === sent.taskId, () => `the task id is ${task.id}, not ${sent.taskId}`);
      expect(task.contextId === sent.contextId, () => `the context id is ${task.contextId}`);
    },
  },
  {
    id: 'reply.parallel',
    source: 'profile 0.1, correlation',
    level: 'core',
    says: 'Requests in parallel are answered each under its own Correlation Data.',
    async run(context) {
      const sent = Array.from({ length: 20 }, () => message(context.text));
      const answers = await Promise.all(
        sent.map((one) => ask(context, call('SendMessage', { message: one }, one.messageId))),
      );
      const wrong = answers.filter((answer, index) => answer.json?.id !== sent[index]?.messageId);
      expect(wrong.length === 0, () => `${wrong.length} of 20 answers went to another request`);
    },
  },
  {
    id: 'stream.items',
    source: 'profile 0.1, streaming',
    level: 'core',
    says: 'SendStreamingMessage gives items under one correlation: a message, or a task and its updates to a final status.',
    async run(context) {
      const items = await stream(context, message(context.text));
      expect(items.length > 0, () => 'no item came');
      const first = items[0] as Answer;
      if (errorOf(first)?.code === -32004 && Array.isArray(errorOf(first)?.data))
        skip('the agent does not stream');
      expect(errorOf(first) === undefined, () => `the stream is an error: ${show(first.json)}`);
      const opens = resultOf(first)?.task !== undefined || resultOf(first)?.message !== undefined;
      expect(opens, () => `the first item is neither a task nor a message: ${show(first.json)}`);
      expect(
        ends(items.at(-1) as Answer),
        () => `the stream stopped without an end: ${show(items.at(-1)?.json)}`,
      );
      const kinds = new Set(['task', 'message', 'statusUpdate', 'artifactUpdate']);
      const odd = items.find(
        (item) => !item.empty && !Object.keys(resultOf(item) ?? {}).some((key) => kinds.has(key)),
      );
      expect(odd === undefined, () => `an item is no StreamResponse: ${show(odd?.json)}`);
    },
  },
  {
    id: 'stream.silent-after-end',
    source: 'profile 0.1, streaming',
    level: 'core',
    says: 'After the final item nothing more comes under that correlation.',
    async run(context) {
      const before = context.probe.strays.length;
      await stream(context, message(context.text));
      await ask(context, call('GetTask', { id: randomUUID() }));
      const after = context.probe.strays.slice(before).filter(({ empty }) => !empty);
      expect(after.length === 0, () => `${after.length} items came after the end: ${show(after[0]?.json)}`);
    },
  },
  {
    id: 'task.repeat',
    source: 'profile 0.1, deduplication by task id',
    level: 'core',
    says: 'The same message again under a new correlation gives the same task, not a second one.',
    async run(context) {
      const sent = message(context.text);
      const payload = call('SendMessage', { message: sent });
      const first = taskOf(await ask(context, payload));
      if (first === undefined) skip('the agent answers with messages, not tasks');
      const again = await ask(context, payload);
      expect(errorOf(again) === undefined, () => `the repetition is an error: ${show(again.json)}`);
      expect(taskOf(again)?.id === first.id, () => `the repetition is another task: ${show(again.json)}`);
      const timestamps = [first, taskOf(again)].map(
        (task) => (task?.status as { timestamp?: string })?.timestamp,
      );
      const same = timestamps[0] === timestamps[1];
      expect(same, () => `the task ran again: its status is of ${timestamps[1]}, before of ${timestamps[0]}`);
    },
  },
  {
    id: 'task.forged-repeat',
    source: 'profile 0.1, deduplication; A2A 1.0, 3.4',
    level: 'core',
    says: 'The same task id and message id with other content is refused (-32602).',
    async run(context) {
      const sent = message(context.text);
      const first = await ask(context, call('SendMessage', { message: sent }));
      if (taskOf(first) === undefined) skip('the agent answers with messages, not tasks');
      const forged = { ...sent, parts: [{ text: `${context.text} (changed)` }] };
      expectError(await ask(context, call('SendMessage', { message: forged })), -32602);
    },
  },
  {
    id: 'task.context-mismatch',
    source: 'profile 0.1, context id',
    level: 'core',
    says: 'A message to a known task under another context id is refused (-32602).',
    async run(context) {
      const sent = message(context.text);
      const first = await ask(context, call('SendMessage', { message: sent }));
      if (taskOf(first) === undefined) skip('the agent answers with messages, not tasks');
      const other = message(context.text, { taskId: sent.taskId });
      expectError(await ask(context, call('SendMessage', { message: other })), -32602);
    },
  },
  {
    id: 'task.id-required',
    source: 'profile 0.1, task identity',
    level: 'core',
    says: 'A message without a task id, or with a malformed one, is refused.',
    async run(context) {
      const { taskId: _, ...without } = message(context.text);
      for (const sent of [without, { ...without, taskId: 'not-a-uuid' }]) {
        const answer = await ask(context, call('SendMessage', { message: sent }));
        expect(errorOf(answer) !== undefined, () => `it was accepted: ${show(answer.json)}`);
      }
    },
  },
  {
    id: 'task.unknown',
    source: 'A2A 1.0, 5.4',
    level: 'core',
    says: 'GetTask, CancelTask and SubscribeToTask of an unknown id are TaskNotFound (-32001), with array data if any.',
    async run(context) {
      for (const method of ['GetTask', 'CancelTask', 'SubscribeToTask']) {
        const answer = await ask(context, call(method, { id: randomUUID() }));
        expectError(answer, -32001);
        const { data } = errorOf(answer) ?? {};
        const fits = data === undefined || Array.isArray(data);
        expect(fits, () => `${method}: the data of a core error is no array: ${show(data)}`);
      }
    },
  },
  {
    id: 'task.get',
    source: 'A2A 1.0, 3.1.3',
    level: 'core',
    says: 'GetTask gives the task that SendMessage made, also with historyLength 0.',
    async run(context) {
      const sent = message(context.text);
      const made = taskOf(await ask(context, call('SendMessage', { message: sent })));
      if (made === undefined) skip('the agent answers with messages, not tasks');
      const answer = await ask(context, call('GetTask', { id: sent.taskId, historyLength: 0 }));
      const task = resultOf(answer) as (Task & { history?: unknown[] }) | undefined;
      expect(task?.id === sent.taskId, () => `got ${show(answer.json)}`);
      expect((task.history ?? []).length === 0, () => 'historyLength 0 came with history');
    },
  },
  {
    id: 'error.parse',
    source: 'JSON-RPC 2.0, 5.1',
    level: 'core',
    says: 'A payload that is not JSON is -32700; one that is no request is -32600.',
    async run(context) {
      expectError(await ask(context, '{bad'), -32700);
      expectError(await ask(context, '{"id":"1"}'), -32600);
    },
  },
  {
    id: 'error.method',
    source: 'JSON-RPC 2.0, 5.1',
    level: 'core',
    says: 'An unknown method is -32601.',
    async run(context) {
      expectError(await ask(context, call('NoSuchMethod', {})), -32601);
    },
  },
  {
    id: 'binding.no-correlation',
    source: 'profile 0.1, error mapping',
    level: 'core',
    says: 'A request without Correlation Data is refused as transport_protocol_error, or dropped.',
    async run({ probe, text }) {
      const payload = call('SendMessage', { message: message(text) });
      const [answer] = await probe.exchange({ payload });
      if (answer !== undefined) expectBindingError(answer, 'transport_protocol_error', -32005);
    },
  },
  {
    id: 'binding.no-response-topic',
    source: 'profile 0.1, error mapping',
    level: 'core',
    says: 'A request without Response Topic does the agent no harm.',
    async run(context) {
      const payload = call('SendMessage', { message: message(context.text) });
      await context.probe.exchange({ payload, responseTopic: null, correlation: randomUUID() }).catch(() => {
        // The broker may refuse it, which protects the agent as well.
      });
      expectError(await ask(context, call('GetTask', { id: randomUUID() })), -32001);
    },
  },
  {
    id: 'binding.context-property',
    source: 'profile 0.1, user properties',
    level: 'core',
    says: 'a2a-context-id that differs from the payload is a transport_protocol_error; unknown a2a- properties are ignored.',
    async run(context) {
      const payload = () => call('SendMessage', { message: message(context.text) });
      const differs = await ask(context, payload(), { userProperties: { 'a2a-context-id': randomUUID() } });
      expectBindingError(differs, 'transport_protocol_error', -32005);
      const unknown = await ask(context, payload(), { userProperties: { 'a2a-something-else': 'x' } });
      expect(errorOf(unknown) === undefined, () => `an unknown property is an error: ${show(unknown.json)}`);
    },
  },
  {
    id: 'service.version',
    source: 'A2A 1.0, 3.6',
    level: 'recommended',
    says: 'A version that the agent does not have, in a2a-version, is VersionNotSupported (-32009).',
    async run(context) {
      const payload = call('GetTask', { id: randomUUID() });
      expectError(await ask(context, payload, { userProperties: { 'a2a-version': '99.9' } }), -32009);
    },
  },
  {
    id: 'list.tasks',
    source: 'A2A 1.0, 3.1.4',
    level: 'recommended',
    says: 'ListTasks gives pages with nextPageToken, also at the end, and refuses a page size of 0.',
    async run(context) {
      const answer = await ask(context, call('ListTasks', { pageSize: 1 }));
      if (errorOf(answer)?.code === -32601) skip('the agent has no ListTasks');
      const page = resultOf(answer);
      expect(Array.isArray(page?.tasks), () => `no tasks: ${show(answer.json)}`);
      expect(typeof page?.nextPageToken === 'string', () => 'nextPageToken is missing');
      expectError(await ask(context, call('ListTasks', { pageSize: 0 })), -32602);
    },
  },
];
