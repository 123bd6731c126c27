import { type Check, type Finding, runChecks, skip } from '../../conformance/check.ts';
import { fail } from '../../errors.ts';
import { METHODS } from '../schema/index.ts';
import type { Tool } from '../session/server-session.ts';
import { CALL_CHECKS } from './call-checks.ts';
import { expectResult, type ServerContext } from './context.ts';
import { CONTEXT_CHECKS } from './context-checks.ts';
import { HANDSHAKE_CHECKS } from './handshake-checks.ts';
import { LIFE_CHECKS } from './life-checks.ts';
import { MANAGEMENT_CHECKS } from './management-checks.ts';
import { type Json, type Offering, Probe } from './probe.ts';
import { ROUTE_CHECKS } from './route-checks.ts';
import { chooseSample } from './sample.ts';
import { SEARCH_CHECKS } from './search-checks.ts';
import { SURFACE_CHECKS } from './surface-checks.ts';
import { TOOL_CHECKS } from './tool-checks.ts';

/** The conformance kit for NetMCP: any tool server or management server, by a plain HTTP client. */

export interface NetMcpConformanceOptions {
  /** MCP endpoint of the server. */
  url: string;
  /** A tool that may be called, with its arguments; else one that reads is chosen by its schema. */
  sample?: { tool: string; args: Json } | undefined;
  /** Bearer token, where the server wants one. */
  token?: string | undefined;
  /** Only these checks: ids, or groups of them (`route`). All, if not given. */
  only?: readonly string[] | undefined;
  /** How long an answer may take, ms. */
  patienceMs: number;
  onFinding?: ((finding: Finding) => void) | undefined;
}

/** @throws CONFORMANCE_NO_SERVER when no MCP session comes about, CONFORMANCE_NO_CHECK where `only` names none */
export async function conformanceNetMcp(options: NetMcpConformanceOptions): Promise<Finding[]> {
  const { url, sample, token, only, patienceMs, onFinding = () => undefined } = options;
  const open = (offering?: Offering) => Probe.open({ url, patienceMs, token }, offering);
  const probe = await open();
  try {
    const tools = expectResult(await probe.ask('tools/list')).tools as Tool[];
    const context: ServerContext = {
      url,
      patienceMs,
      probe,
      tools,
      sample: chooseSample(tools, sample),
      open,
      stranger: async () =>
        token === undefined
          ? Probe.open({ url, patienceMs, name: 'netmcp-conformance-stranger' })
          : skip('a token says who asks; another agent would need another one'),
      async listening(work) {
        const other = await open();
        const stream = await other.listen();
        try {
          return await work(other, stream);
        } finally {
          stream.close();
          await other.close();
        }
      },
    };
    const manages = Array.isArray((await probe.ask(METHODS.discover, {})).json?.result?.servers);
    const own = manages
      ? MANAGEMENT_CHECKS
      : [
          ...SURFACE_CHECKS,
          ...CALL_CHECKS,
          ...SEARCH_CHECKS,
          ...ROUTE_CHECKS,
          ...CONTEXT_CHECKS,
          ...LIFE_CHECKS,
        ];
    const all = [...HANDSHAKE_CHECKS, ...TOOL_CHECKS, ...own];
    return await runChecks(only === undefined ? all : chosen(all, only), context, onFinding);
  } finally {
    await probe.close();
  }
}

/** The checks of these ids or groups. @throws CONFORMANCE_NO_CHECK: to check nothing by mistake would pass. */
function chosen(
  all: ReadonlyArray<Check<ServerContext>>,
  only: readonly string[],
): Array<Check<ServerContext>> {
  const named = (id: string, name: string) => id === name || id.startsWith(`${name}.`);
  for (const name of only) {
    if (all.some(({ id }) => named(id, name))) continue;
    const groups = [...new Set(all.map(({ id }) => id.replace(/\..*/, '')))];
    throw fail('CONFORMANCE_NO_CHECK', { name, groups: groups.join(', ') });
  }
  return all.filter(({ id }) => only.some((name) => named(id, name)));
}
