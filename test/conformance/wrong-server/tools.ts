import { type Is, type Json, KEY, Rpc } from './faults.ts';

/** Outputs differ only behind it. */
const SERIES = Array.from({ length: 200 }, (_, i) => i);

/** Definitions and calls (NetMCP 2 and 3); `more.callable` tells what else can be called. */
export function wrongTools(is: Is, manages: boolean, more: { callable(name: string): boolean }) {
  const epochs = new Map<string, number>();
  const replays = new Map<string, { args: string; result: Json }>();
  let lists = 0;
  let runs = 0;

  function definitions(): Json[] {
    const tool = (name: string, effects: string, more: Json = {}): Json => ({
      name,
      description: is('mute-tools') ? '' : 'Reads a value of the network.',
      inputSchema: {
        type: 'object',
        properties: { value: { type: 'number', minimum: 1 } },
        required: ['value'],
        additionalProperties: false,
        ...(is('schema-broken') && { properties: { value: { type: 'numeral' } } }),
      },
      outputSchema: {
        type: 'object',
        properties: { series: { type: 'array' }, value: { type: 'number' } },
        required: ['value'],
      },
      annotations: { readOnlyHint: is('hint-wrong') ? false : effects === 'read', destructiveHint: false },
      _meta: {
        [KEY]: {
          version: '1.0',
          category: is('meta-broken') ? 'magic' : 'data',
          labels: [],
          serviceArea: [],
          permission: { mode: 'public' },
          constraints: [
            { rule: is('rule-broken') ? 'args.value >' : 'args.value < 100.0', message: 'below 100' },
          ],
          effects,
          nf: [{ type: 'NRF', operations: ['read'] }],
        },
      },
      ...more,
    });
    const own = [tool('wrong_read', 'read'), tool('wrong_write', 'reversible')];
    if (is('name-twice')) own.push(tool('wrong_read', 'read'));
    if (is('definition-huge')) own.push(tool('wrong_huge', 'read', { title: 'x'.repeat(5_000) }));
    if (is('order-random') && lists++ % 2 === 1) own.reverse();
    if (!manages || is('no-plain-tools')) return own;
    const plain = ['register', 'update', 'deregister', 'report', 'discover'];
    return [
      ...own,
      ...plain.map((verb) => ({
        name: `servers_${verb}`,
        description: is('mute-tools') ? '' : `Plain form of ${verb}.`,
        inputSchema: { type: 'object' },
      })),
    ];
  }

  function callTool(params: Json, netmcp: boolean): Json {
    const name = String(params.name);
    const args = (params.arguments ?? {}) as Json;
    const meta = ((params._meta as Json | undefined)?.[KEY] ?? {}) as Json;
    const failed = (text: string, own: Json = {}): Json => ({
      content: [{ type: 'text', text }],
      isError: true,
      _meta: { [KEY]: { server: 'wrong', chain: [], ...own } },
    });
    if (!definitions().some((tool) => tool.name === name) && !more.callable(name)) {
      if (is('unknown-is-result')) return failed('no such tool');
      throw new Rpc(-32602, 'Unknown tool');
    }
    if (more.callable(name)) return { content: [], _meta: { [KEY]: { server: 'wrong', chain: [] } } };
    if (is('meta-needed') && !netmcp) throw new Rpc(-32602, 'metadata is missing');
    if (!is('any-meta') && meta.deadline !== undefined && typeof meta.deadline !== 'number')
      throw new Rpc(-32602, 'Malformed metadata');
    if (is('trace-breaks') && meta.traceparent !== undefined) return failed('cannot trace');
    const step = meta.execution as { id: string; epoch: number } | undefined;
    if (step !== undefined) {
      if (step.epoch < (epochs.get(step.id) ?? 0) && !is('no-fence')) throw new Rpc(-32011, 'stale');
      epochs.set(step.id, step.epoch);
    }
    const key = meta.idempotencyKey as string | undefined;
    const before = key === undefined || is('never-replays') ? undefined : replays.get(key);
    if (before !== undefined) {
      if (before.args !== JSON.stringify(args) && !is('key-for-all')) return failed('other arguments');
      return {
        ...before.result,
        _meta: { [KEY]: { ...((before.result._meta as Json)[KEY] as Json), replayed: true } },
      };
    }
    const refusal = {
      step: 'schema',
      parameter: 'x',
      rule: 'additionalProperties',
      allowed: 'value',
      message: 'no',
    };
    const bad = typeof args.value !== 'number' || Object.keys(args).length > 1;
    if (bad && !is('no-verification') && !(is('key-for-all') && key !== undefined))
      return failed('refused', { refusal });
    runs += 1;
    const chain = [{ nf: 'NRF', operation: 'read', status: 200, ms: runs }];
    if (meta.dryRun === true) {
      const run = { server: 'wrong', chain: is('dry-run-executes') ? chain : [], dryRun: true };
      return { content: [], _meta: { [KEY]: run } };
    }
    const result: Json = {
      content: [],
      structuredContent: { series: SERIES, value: is('output-wrong') ? 'much' : runs },
      _meta: { [KEY]: { server: 'wrong', ...(is('no-chain') ? {} : { chain }) } },
    };
    if (key !== undefined) replays.set(key, { args: JSON.stringify(args), result });
    return result;
  }

  return { definitions, callTool };
}
