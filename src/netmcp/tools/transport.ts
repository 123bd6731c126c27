import { z } from 'zod';
import { fail } from '../../errors.ts';
import { dnai } from './steps.ts';
import { supi, type ToolContext, tool } from './types.ts';

const SMF = 'SMF';
const path = z.object({
  dnai: z.string(),
  delayMs: z.number(),
  healthy: z.boolean(),
  active: z.boolean(),
});

/** The ways of a subscriber's traffic, with delay and health. */
export async function readPaths(subscriber: string, { sbi }: ToolContext) {
  const answer = await sbi({
    nf: SMF,
    operation: 'readPaths',
    method: 'GET',
    path: `/paths/v1/ues/${subscriber}`,
  });
  return z.object({ paths: z.array(path) }).parse(answer.body).paths;
}

/** Sends a subscriber's traffic over one of its ways. */
export async function route(subscriber: string, target: string, { sbi }: ToolContext): Promise<void> {
  await sbi({
    nf: SMF,
    operation: 'switchPath',
    method: 'PUT',
    path: `/paths/v1/ues/${subscriber}/dnai`,
    body: { dnai: target },
  });
}

const read = tool({
  name: 'transport_read_paths',
  title: 'Read transport paths',
  description: 'Access identifiers that the traffic of a subscriber can take, with delay and health.',
  category: 'connectivity',
  kind: 'status perception',
  labels: ['transport', 'path', 'delay', 'monitoring'],
  effects: 'read',
  nf: [{ type: SMF, operations: ['readPaths'] }],
  input: z.strictObject({ supi }),
  output: z.object({ paths: z.array(path) }),
  execute: async (args, context) => ({ paths: await readPaths(args.supi, context) }),
});

const change = tool({
  name: 'transport_switch_path',
  title: 'Switch the transport path',
  description:
    'Sends the traffic of a subscriber over another access identifier, for example when a path is ill.',
  category: 'connectivity',
  kind: 'redundancy recovery',
  labels: ['transport', 'path', 'recovery', 'redundancy', 'failover'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: SMF, operations: ['switchPath'] }],
  input: z.strictObject({ supi, dnai }),
  output: z.object({ dnai: z.string(), switched: z.boolean() }),
  async execute(args, context) {
    await route(args.supi, args.dnai, context);
    return { dnai: args.dnai, switched: true };
  },
});

const place = tool({
  name: 'compute_place_relay',
  title: 'Place a media relay',
  description:
    'Puts the relay of a service at the healthy edge with the least delay, and routes the traffic there.',
  category: 'computing',
  kind: 'resource management',
  labels: ['computing', 'edge', 'relay', 'placement', 'delay'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: SMF, operations: ['readPaths', 'switchPath'] }],
  input: z.strictObject({ supi, maxDelayMs: z.number().min(1).max(10_000) }),
  output: z.object({ dnai: z.string(), delayMs: z.number() }),
  async execute(args, context) {
    const paths = await readPaths(args.supi, context);
    const best = paths
      .filter((candidate) => candidate.healthy && candidate.delayMs <= args.maxDelayMs)
      .sort((a, b) => a.delayMs - b.delayMs || a.dnai.localeCompare(b.dnai))[0];
    if (best === undefined) throw fail('NETMCP_NO_PLACE', { supi: args.supi, maxDelayMs: args.maxDelayMs });
    if (!best.active) await route(args.supi, best.dnai, context);
    return { dnai: best.dnai, delayMs: best.delayMs };
  },
});

export const transportTools = [read, change, place];
