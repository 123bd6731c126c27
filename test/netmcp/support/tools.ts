import { z } from 'zod';
import type { SbiRequest, SbiResponse } from '../../../src/netmcp/tools/types.ts';
import { tool } from '../../../src/netmcp/tools/types.ts';
import type { SbiPort } from '../../../src/netmcp/toolserver/call.ts';

/** An SBI that records requests and answers as it is told. */
export function fakeSbi(
  answer: (request: SbiRequest, signal: AbortSignal) => Promise<SbiResponse> | SbiResponse,
) {
  const requests: SbiRequest[] = [];
  const port: SbiPort = {
    async request(request, { signal }) {
      requests.push(request);
      return answer(request, signal);
    },
    close: async () => {},
  };
  return { port, requests };
}

export const ok = (body: unknown = {}): SbiResponse => ({ status: 200, body, location: null });

const call = { nf: 'PCF', method: 'POST' as const, path: '/npcf-test/v1/things' };

/** An effect that must not be executed twice. */
export const create = tool({
  name: 'test_create',
  title: 'Create a thing',
  description: 'Creates a thing with a share of bandwidth.',
  category: 'policy',
  kind: 'resource management',
  labels: ['thing', 'bandwidth'],
  effects: 'reversible',
  constraints: [
    { rule: '!has(args.start) || !has(args.end) || args.start < args.end', message: 'start before end' },
  ],
  nf: [{ type: 'PCF', operations: ['create'] }],
  input: z.strictObject({
    share: z.number().min(1).max(100),
    name: z.string().max(64).optional(),
    start: z.number().optional(),
    end: z.number().optional(),
  }),
  output: z.object({ thing: z.string() }),
  async execute(args, { sbi, id }) {
    const name = args.name ?? id();
    await sbi({ ...call, operation: 'create', body: { name, share: args.share } });
    return { thing: name };
  },
});

export const read = tool({
  name: 'test_read',
  title: 'Read things',
  description: 'Reads how things are.',
  category: 'sensing',
  kind: 'status perception',
  labels: ['status'],
  effects: 'read',
  nf: [{ type: 'PCF', operations: ['read'] }],
  input: z.strictObject({}),
  output: z.object({ value: z.number() }),
  async execute(_, { sbi }) {
    const answer = await sbi({ ...call, method: 'GET', operation: 'read' });
    return z.object({ value: z.number() }).parse(answer.body);
  },
});

export const secret = tool({
  name: 'test_secret',
  title: 'For one agent only',
  description: 'Only a named agent may call it.',
  category: 'management',
  kind: 'status perception',
  labels: [],
  effects: 'read',
  permission: { mode: 'specified', agents: ['netagent/trusted'] },
  nf: [],
  input: z.strictObject({}),
  output: z.object({ done: z.boolean() }),
  execute: async () => ({ done: true }),
});
