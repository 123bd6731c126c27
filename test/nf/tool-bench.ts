import { expect } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/tools/index.ts';
import type { NfTool, ToolContext } from '../../src/netmcp/tools/types.ts';
import { answeredBad } from '../../src/netmcp/toolserver/sbi-failure.ts';
import { openSbiPort } from '../../src/netmcp/toolserver/sbi-port.ts';
import { compileTool } from '../../src/netmcp/toolserver/verify.ts';
import { network } from './network.ts';
import { closing } from './support.ts';

export const ALL: NfTool[] = TOOL_AREAS.flatMap((area) => toolsOf(area));

/** The state of a server that has done nothing yet. */
export const IDLE = {
  now: 0,
  load: 0,
  inFlight: 0,
  agent: 'a',
  nf: {},
  subscriber: { reservations: 0, sessions: 0, dlMbps: 0, ulMbps: 0 },
  cell: { id: '', reserved: 0, reservations: 0 },
};

const compiled = new Map(ALL.map((tool) => [tool.name, compileTool(tool)]));
export const compiledOf = (name: string) => {
  const found = compiled.get(name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return found;
};

/** The whole network, and who calls tools on it: each call verified as a server does, and counted. */
export async function operator() {
  const world = await network();
  const { env, net } = world;
  const port = closing(openSbiPort(env, net.nrf));
  const used = new Set<string>();
  const chain: string[] = [];
  let serial = 0;
  const context: ToolContext = {
    id: () => `id-${++serial}`,
    signal: new AbortController().signal,
    hop: async (_nf, _operation, work) => (await work()).value,
    step: () => Promise.reject(new Error('no tool here has steps')),
    async sbi(request) {
      chain.push(`${request.nf} ${request.operation}`);
      const answer = await port.request(request, { signal: new AbortController().signal });
      if (answer.status >= 400) throw answeredBad(request.nf, request.operation, answer.status, answer.body);
      return answer;
    },
  };
  async function run<T = Record<string, unknown>>(name: string, args: Record<string, unknown> = {}) {
    const { tool, verify } = compiledOf(name);
    used.add(name);
    const { verdict, args: filled } = verify(args, IDLE);
    expect(verdict, `${name} ${JSON.stringify(verdict)}`).toMatchObject({ decision: 'allow' });
    const from = chain.length;
    const output = await tool.execute(filled, context);
    const declared = tool.meta.nf.flatMap(({ type, operations }) =>
      operations.map((one) => `${type} ${one}`),
    );
    // What is done is what the definition says.
    for (const done of chain.slice(from)) expect(declared, name).toContain(done);
    return output as T;
  }
  return { ...world, run, used, chain };
}
export type Operator = Awaited<ReturnType<typeof operator>>;

/** Something that an operator does with tools on a fresh network. */
export interface Scenario {
  title: string;
  /** What it calls, at the least. */
  tools: string[];
  run(world: Operator): Promise<void>;
}
