import { z } from 'zod';
import { fail } from '../errors.ts';
import { type ClientAuth, connectNetMcp, connectPlain, type PlainClient } from '../netmcp/index.ts';
import { createEnv } from '../runtime/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { decideTool, endpointsOf, heldOf } from './running.ts';
import { table } from './table.ts';
import { runImport } from './tools-import.ts';

const AGENT = 'netagent/users/terminal';

/** `netagent tools [QUERY]`, `tools call NAME`, `tools import FILE`, `tools held`, `tools approve|reject NAME HASH`. */
export async function runTools(parsed: Parsed, output: Output): Promise<number> {
  const [first, name, hash, ...more] = parsed.positionals;
  const to = parsed.values.to as string;
  if (first === 'import') return runImport(parsed, output);
  if (first === 'call') {
    if (name === undefined || hash !== undefined) {
      throw fail('CLI_USAGE', { problem: 'One tool name is needed after `tools call`.', verb: 'tools' });
    }
    return callTool(name, parsed, output);
  }
  if (first === 'held' && name === undefined) return listHeld(to, output);
  if (first === 'approve' || first === 'reject') {
    if (name === undefined || hash === undefined || more.length > 0) {
      throw fail('CLI_USAGE', { problem: `\`tools ${first}\` needs NAME and HASH.`, verb: 'tools' });
    }
    await decideTool(to, name, first, hash);
    output.value({ name, hash, verdict: first });
    output.text(`${name} is ${first === 'approve' ? 'approved' : 'rejected'}.`);
    return 0;
  }
  return listTools(parsed.positionals.join(' '), parsed, output);
}

async function listHeld(to: string, output: Output): Promise<number> {
  const held = await heldOf(to);
  output.value(held);
  output.text(
    held.length === 0
      ? 'No tool waits for approval.'
      : table(
          ['tool', 'from', 'why it waits', 'hash'],
          held.map(({ name, provider, reasons, difference, hash }) => [
            name,
            provider,
            [...reasons, ...difference].join('; '),
            hash,
          ]),
        ),
  );
  return 0;
}

interface FoundTool {
  name: string;
  server: string;
  description: string;
  score?: number;
}

/** As whom the servers are asked. @throws CLI_USAGE */
function asClient({ values }: Parsed, issuer: string | undefined): { agentId: string; auth?: ClientAuth } {
  const { client } = values;
  if (client === undefined) {
    if (issuer === undefined) return { agentId: AGENT };
    throw fail('CLI_USAGE', {
      problem: `This runtime wants a token of ${issuer}: --client ID is needed, its secret in NETAGENT_SECRET.`,
      verb: 'tools',
    });
  }
  const clientSecret = process.env.NETAGENT_SECRET;
  if (clientSecret === undefined || clientSecret === '') {
    throw fail('CLI_USAGE', { problem: '--client: its secret is needed in NETAGENT_SECRET.', verb: 'tools' });
  }
  return { agentId: client, auth: { clientId: client, clientSecret } };
}

/** All tools, or those that fit a requirement best, by the search of the tool servers (NetMCP 8). */
async function listTools(query: string, parsed: Parsed, output: Output): Promise<number> {
  const to = parsed.values.to as string;
  const { netmcp } = await endpointsOf(to);
  const found: FoundTool[] = [];
  const who = asClient(parsed, netmcp.issuer);
  const env = createEnv({ level: 'error' });
  async function at<T>(url: string, work: (server: PlainClient) => Promise<T>): Promise<T> {
    const server = await connectPlain({ env, target: url, ...who });
    try {
      return await work(server);
    } finally {
      await server.close();
    }
  }
  const [first] = netmcp.servers;
  if (first === undefined) throw fail('RUNTIME_NOT_FOUND', { url: to, problem: 'it has no tool server' });
  if (query === '') {
    // An anchor's list covers its peers.
    for (const { name, description } of await at(first, (server) => server.listTools()))
      found.push({ name, server: first, description });
  } else {
    // An anchor's search covers its peers, in one order.
    const result = await at(first, (server) =>
      server.request('netmcp/tools/discover', { requirement: query, limit: 10 }),
    );
    for (const { name, score, definition } of discoveredSchema.parse(result).tools)
      found.push({ name, server: first, description: definition.description, score });
  }
  const shown = [...new Map(found.map((tool) => [tool.name, tool])).values()].sort(
    (a, b) => (b.score ?? 0) - (a.score ?? 0),
  );
  output.value(shown);
  output.text(
    shown.length === 0
      ? `No tool fits ${JSON.stringify(query)}.`
      : table(
          ['tool', 'what it does'],
          shown.map(({ name, description }) => [name, description]),
        ),
  );
  return 0;
}

const discoveredSchema = z.object({
  tools: z.array(
    z.object({
      name: z.string(),
      score: z.number(),
      definition: z.object({ description: z.string().default('') }),
    }),
  ),
});

async function callTool(name: string, parsed: Parsed, output: Output): Promise<number> {
  const args = argumentsOf(parsed.values.args as string);
  const { netmcp } = await endpointsOf(parsed.values.to as string);
  const client = await connectNetMcp({
    env: createEnv({ level: 'error' }),
    ...asClient(parsed, netmcp.issuer),
    management: netmcp.management,
  });
  try {
    const result = await client.callTool(name, args, { dryRun: parsed.switches.has('dry-run') });
    output.value({ name, ...result });
    output.text(result.text);
    for (const { nf, operation, status, ms } of result.chain)
      output.text(`  ${nf} ${operation} ${status} in ${ms} ms`);
    return result.isError ? 1 : 0;
  } finally {
    await client.close();
  }
}

export function argumentsOf(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fail('CLI_USAGE', { problem: `--args is no JSON: ${(error as Error).message}.`, verb: 'tools' });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw fail('CLI_USAGE', { problem: '--args must be a JSON object.', verb: 'tools' });
  }
  return value as Record<string, unknown>;
}
