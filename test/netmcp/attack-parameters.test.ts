import { request } from 'node:http';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { ARGUMENT_LIMITS, refuseBounds } from '../../src/netmcp/toolserver/bounds.ts';
import { oneServer } from './support/one-server.ts';
import { ok } from './support/tools.ts';

/** Attack 18: parameters that must not reach an NF. Each is refused by name, and the server goes on. */

const power = tool({
  name: 'test_set_power',
  title: 'Set the power of cells',
  description: 'Changes the transmit power of known cells.',
  category: 'management',
  kind: 'resource management',
  labels: [],
  effects: 'reversible',
  constraints: [
    {
      rule: 'args.powerDbm - args.presentDbm <= 6.0 && args.presentDbm - args.powerDbm <= 6.0',
      message: 'at most 6 dB at once',
    },
    { rule: 'args.cells.all(cell, cell in ["a1", "a2"])', message: 'cells a1, a2' },
  ],
  nf: [{ type: 'GNB', operations: ['modifyMOI'] }],
  input: z.strictObject({
    powerDbm: z.number().min(-10).max(49),
    presentDbm: z.number().min(-10).max(49),
    cells: z.array(z.string().max(16)).min(1).max(20),
    note: z.string().max(100).optional(),
    more: z.looseObject({}).optional(),
  }),
  output: z.object({ done: z.boolean() }),
  async execute(args, { sbi }) {
    await sbi({ nf: 'GNB', operation: 'modifyMOI', method: 'PATCH', path: '/x', body: args });
    return { done: true };
  },
});
const good = { powerDbm: 43, presentDbm: 40, cells: ['a1'] };
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i += 1) value = { in: value };
  return value;
};

test.each<[string, Record<string, unknown>, string[]]>([
  ['power +30 dB', { ...good, powerDbm: 49, presentDbm: 19 }, ['powerDbm, presentDbm', 'at most 6 dB']],
  ['power out of range', { ...good, powerDbm: 70 }, ['powerDbm', '<= 49']],
  ['an unknown cell', { ...good, cells: ['a1', 'zz'] }, ['cells', 'cells a1, a2']],
  ['a wrong type', { ...good, powerDbm: '43' }, ['powerDbm', 'number']],
  ['a missing one', { powerDbm: 43, cells: ['a1'] }, ['presentDbm', 'must be given']],
  ['one too many', { ...good, admin: true }, ['admin', 'additionalProperties']],
  ['constructor', { ...good, constructor: { prototype: {} } }, ['constructor', 'no name of a parameter']],
  ['prototype deep inside', { ...good, more: { a: [{ prototype: 1 }] } }, ['more.a.0.prototype']],
  ['a huge string', { ...good, note: 'x'.repeat(900_000) }, ['note', '65536 characters']],
  ['a huge array', { ...good, cells: Array.from({ length: 100_000 }, () => 'a') }, ['cells', '50000 values']],
  ['an array past its schema', { ...good, cells: Array.from({ length: 21 }, () => 'a1') }, ['cells', '20']],
  ['deep JSON', { ...good, more: deep(1_000) }, ['more.in.in', '16 levels']],
  ['NaN, which JSON makes null', { ...good, powerDbm: Number.NaN }, ['powerDbm']],
])('%s is refused with its field and what is allowed, before the NF', async (_, args, words) => {
  const { client, sbi } = await oneServer({ tools: [power], answer: () => ok() });
  const one = await client();
  const refused = await one.callTool('test_set_power', args);
  expect(refused).toMatchObject({ isError: true, executed: 'no' });
  for (const word of words) expect(refused.text).toContain(word);
  expect(refused.text.length).toBeLessThan(1_000);
  expect(sbi.requests).toEqual([]);
  // The process is alive and serves.
  expect((await one.callTool('test_set_power', good)).isError).toBe(false);
});

/** A body as it stands, not as a client library would clean it. */
function raw(url: string, session: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          ...(session !== '' && { 'mcp-session-id': session }),
        },
      },
      (response) => {
        let text = String(response.headers['mcp-session-id'] ?? '');
        if (session !== '') text = '';
        response.on('data', (part: Buffer) => {
          if (session !== '') text += part.toString();
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    // A server that has refused need not read on.
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'raw', version: '1' } },
});
const call = (args: string) =>
  `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"test_set_power","arguments":${args}}}`;

test('raw bodies: __proto__, 10 MB, and JSON of 100 000 levels', async () => {
  const { client, server, sbi } = await oneServer({ tools: [power], answer: () => ok() });
  const { text: session } = await raw(server.url, '', initialize);
  const poisoned = await raw(
    server.url,
    session,
    call('{"powerDbm":43,"presentDbm":40,"cells":["a1"],"__proto__":{"powerDbm":99}}'),
  );
  expect(poisoned.status).toBe(200);
  // Either it is refused by name or the key never became part of the arguments.
  for (const { body } of sbi.requests) expect(body).toEqual(good);
  expect(({} as { powerDbm?: unknown }).powerDbm).toBeUndefined();
  const inside = await raw(
    server.url,
    session,
    call('{"powerDbm":43,"presentDbm":40,"cells":["a1"],"more":{"__proto__":{"x":1}}}'),
  );
  expect(inside.text).toContain('more.__proto__');
  sbi.requests.length = 0;
  const huge = await raw(server.url, session, call(`{"note":"${'x'.repeat(10_000_000)}"}`)).catch(() => null);
  expect(huge === null || huge.status === 413).toBe(true);
  const levels = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const nested = await raw(server.url, session, call(`{"more":${levels}}`));
  expect(nested.text).toMatch(/more|Parse error/);
  expect(sbi.requests).toEqual([]);
  expect((await (await client()).callTool('test_set_power', good)).isError).toBe(false);
});

test('bounds: at the limit it passes, one past it does not', () => {
  const { depth, nodes, text } = ARGUMENT_LIMITS;
  expect(refuseBounds({ a: 'x'.repeat(text) })).toBeNull();
  expect(refuseBounds({ a: 'x'.repeat(text + 1) })?.parameter).toBe('a');
  expect(refuseBounds(deep(depth))).toBeNull();
  expect(refuseBounds(deep(depth + 1))?.rule).toBe('depth');
  expect(refuseBounds({ a: Array.from({ length: nodes - 1 }, () => 0) })).toBeNull();
  expect(refuseBounds({ a: Array.from({ length: nodes }, () => 0) })?.rule).toBe('size');
  expect(refuseBounds(JSON.parse('{"a":{"__proto__":1}}'))?.parameter).toBe('a.__proto__');
  expect(refuseBounds({ a: Number.POSITIVE_INFINITY })?.rule).toBe('number');
});

const anything = fc.oneof(
  fc.jsonValue(),
  fc.dictionary(fc.constantFrom('__proto__', 'constructor', 'toString', 'a'), fc.jsonValue()),
  fc.double(),
  fc.bigInt().map(Number),
);
/** Arguments near the right ones: right names, values of all kinds. */
const near = fc.record(
  {
    powerDbm: fc.oneof(fc.double({ min: -20, max: 60, noNaN: true }), anything),
    presentDbm: fc.oneof(fc.double({ min: -20, max: 60, noNaN: true }), anything),
    cells: fc.oneof(fc.array(fc.constantFrom('a1', 'a2', 'zz')), anything),
    note: fc.oneof(fc.string(), anything),
    extra: anything,
  },
  { requiredKeys: [] },
);

test('whatever is sent, only what fits the schema and the rules reaches the SBI port', async () => {
  const { client, sbi } = await oneServer({ tools: [power], answer: () => ok() });
  const one = await client();
  await fc.assert(
    fc.asyncProperty(near, async (args) => {
      sbi.requests.length = 0;
      const end = await one.callTool('test_set_power', args as Record<string, unknown>);
      if (end.isError) {
        expect(sbi.requests).toEqual([]);
        expect(end.text).toMatch(/refused \((bounds|schema|constraint)\)/);
        return;
      }
      const sent = power.input.parse(sbi.requests[0]?.body) as z.infer<typeof power.input> & {
        powerDbm: number;
        presentDbm: number;
        cells: string[];
      };
      expect(Math.abs(sent.powerDbm - sent.presentDbm)).toBeLessThanOrEqual(6);
      expect(sent.cells.every((cell) => ['a1', 'a2'].includes(cell))).toBe(true);
    }),
    { numRuns: 150 },
  );
}, 60_000);

test('every tool that ships lets nothing through to the network that is not of its schema', async () => {
  const tools = TOOL_AREAS.flatMap((area) => toolsOf(area));
  const { client, sbi } = await oneServer({ tools, policy: [], answer: () => ok() });
  const one = await client();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...tools),
      fc.dictionary(fc.string({ maxLength: 12 }), anything, { maxKeys: 5 }),
      async (each, args) => {
        sbi.requests.length = 0;
        await one.callTool(each.name, args);
        const fits = each.input.safeParse(
          Object.fromEntries(Object.entries(JSON.parse(JSON.stringify(args))).filter(([, v]) => v !== null)),
        );
        if (!fits.success) expect(sbi.requests).toEqual([]);
      },
    ),
    { numRuns: 150 },
  );
}, 60_000);
