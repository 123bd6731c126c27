import { fail } from '../errors.ts';
import { connectNetMcp, connectPlain } from '../netmcp/index.ts';
import { createEnv } from '../runtime/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { endpointsOf } from './running.ts';
import { table } from './table.ts';

const AGENT = 'netagent/users/terminal';

/** `netagent tools [QUERY]` and `netagent tools call NAME`. */
export async function runTools(parsed: Parsed, output: Output): Promise<number> {
  const [first, name, ...more] = parsed.positionals;
  if (first === 'call') {
    if (name === undefined || more.length > 0) {
      throw fail('CLI_USAGE', { problem: 'One tool name is needed after `tools call`.', verb: 'tools' });
    }
    return callTool(name, parsed, output);
  }
  return listTools(parsed.positionals.join(' '), parsed, output);
}

async function listTools(query: string, parsed: Parsed, output: Output): Promise<number> {
  const { netmcp } = await endpointsOf(parsed.values.to as string);
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const found: Array<{ name: string; server: string; description: string }> = [];
  for (const url of netmcp.servers) {
    const server = await connectPlain({ env: createEnv({ level: 'error' }), target: url, agentId: AGENT });
    try {
      for (const tool of await server.listTools()) {
        const description = tool.description ?? '';
        const text = `${tool.name} ${description}`.toLowerCase();
        if (words.every((word) => text.includes(word)))
          found.push({ name: tool.name, server: url, description });
      }
    } finally {
      await server.close();
    }
  }
  output.value(found);
  output.text(
    found.length === 0
      ? `No tool speaks of ${JSON.stringify(query)}.`
      : table(
          ['tool', 'what it does'],
          found.map(({ name, description }) => [name, description]),
        ),
  );
  return 0;
}

async function callTool(name: string, parsed: Parsed, output: Output): Promise<number> {
  const args = argumentsOf(parsed.values.args as string);
  const { netmcp } = await endpointsOf(parsed.values.to as string);
  const client = await connectNetMcp({
    env: createEnv({ level: 'error' }),
    agentId: AGENT,
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
