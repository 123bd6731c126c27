import { type Check, expect, skip } from '../../conformance/check.ts';
import { CLIENT_OFFER, METHODS, VERSION } from '../schema/index.ts';
import { expectError, expectResult, type ServerContext, show } from './context.ts';
import type { Offering, Probe } from './probe.ts';

const KNOWN = ['discover', 'load', 'route', 'context', 'lifecycle', 'trace'];

async function withSession<T>(
  context: ServerContext,
  offering: Offering,
  work: (probe: Probe) => Promise<T> | T,
): Promise<T> {
  const probe = await context.open(offering);
  try {
    return await work(probe);
  } finally {
    await probe.close();
  }
}

const METHOD_OF: Array<[feature: string, method: string]> = [
  ['discover', METHODS.toolsDiscover],
  ['load', METHODS.subscribe],
  ['route', METHODS.routeCall],
  ['context', METHODS.contextOpen],
  ['lifecycle', METHODS.deregister],
];

/** Capability negotiation and the door (NetMCP 1; MCP 2025-11-25, lifecycle and transports). */
export const HANDSHAKE_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'negotiation.netmcp',
    source: 'NetMCP 1',
    level: 'core',
    says: 'an offer of NetMCP 1.0 is answered with the chosen version and the features of the server',
    async run({ probe }) {
      const answer = probe.extension();
      expect(answer !== undefined, () => 'the capability org.gtigroup/netmcp is missing from the answer');
      expect(answer.version === VERSION, () => `version 1.0 was offered, chosen was ${show(answer.version)}`);
      expect(Array.isArray(answer.features), () => 'the answer names no features');
    },
  },
  {
    id: 'negotiation.features',
    source: 'NetMCP 1',
    level: 'core',
    says: 'features are those of the profile',
    async run({ probe }) {
      const strange = probe.features().filter((feature) => !KNOWN.includes(feature));
      expect(strange.length === 0, () => `unknown features: ${strange.join(', ')}`);
    },
  },
  {
    id: 'negotiation.plain-client',
    source: 'NetMCP 1',
    level: 'core',
    says: 'a plain MCP client is served and notices nothing',
    run: (context) =>
      withSession(context, null, async (plain) => {
        const { tools } = expectResult(await plain.ask('tools/list'));
        expect(Array.isArray(tools) && tools.length > 0, () => 'tools/list gives a plain client no tools');
      }),
  },
  {
    id: 'negotiation.no-common-version',
    source: 'NetMCP 1',
    level: 'core',
    says: 'without a common version the server falls back to MCP, says so, and chooses none',
    run: (context) =>
      withSession(context, { version: '9.0', versions: ['9.0'], features: KNOWN }, async (probe) => {
        const answer = probe.extension();
        expect(answer?.version === undefined, () => `it chose ${show(answer?.version)} for an offer of 9.0`);
        expectResult(await probe.ask('tools/list'));
      }),
  },
  {
    id: 'negotiation.malformed-offer',
    source: 'NetMCP 1',
    level: 'core',
    says: 'a malformed offer is plain MCP, not an error',
    async run(context) {
      for (const offering of [{}, { version: 7, features: 'all' }, { versions: [null] }]) {
        await withSession(context, offering, async (probe) => {
          expect(probe.extension()?.version === undefined, () => `${show(offering)} was taken for an offer`);
          expectResult(await probe.ask('tools/list'));
        });
      }
    },
  },
  {
    id: 'negotiation.unnamed-feature',
    source: 'NetMCP 1',
    level: 'core',
    says: 'a vendor method of a feature that this side did not name is refused (-32601)',
    async run(context) {
      const named = METHOD_OF.filter(([feature]) => context.probe.features().includes(feature));
      if (named.length === 0) skip('the server has no feature with methods');
      await withSession(context, { ...CLIENT_OFFER, features: [] }, async (probe) => {
        for (const [feature, method] of named)
          expectError(await probe.ask(method, {}), -32601, `${method} without ${feature}`);
      });
    },
  },
  {
    id: 'negotiation.absent-feature',
    source: 'NetMCP 1',
    level: 'core',
    says: 'a vendor method of a feature that the server did not name is refused (-32601), and the session lives',
    async run({ probe }) {
      const absent = METHOD_OF.filter(([feature]) => !probe.features().includes(feature));
      for (const [, method] of [...absent, ['', 'netmcp/no/such'] as const])
        expectError(await probe.ask(method, {}), -32601, method);
      expectResult(await probe.ask('ping'));
    },
  },
  {
    id: 'door.origin',
    source: 'MCP 2025-11-25, transports, security warning',
    level: 'core',
    says: 'a request from a page of another site is refused (403)',
    async run({ probe }) {
      const { status } = await probe.post(
        { jsonrpc: '2.0', id: 'o', method: 'ping' },
        { headers: { origin: 'http://attacker.example' } },
      );
      expect(status === 403, () => `a foreign Origin was answered with HTTP ${status}`);
    },
  },
  {
    id: 'door.host',
    source: 'MCP 2025-11-25, transports, DNS rebinding',
    level: 'core',
    says: 'a request to another host name is refused (403)',
    async run({ probe }) {
      const { status } = await probe.post(
        { jsonrpc: '2.0', id: 'h', method: 'ping' },
        { headers: { host: 'attacker.example' } },
      );
      expect(status === 403 || status === 421, () => `a foreign Host was answered with HTTP ${status}`);
    },
  },
  {
    id: 'door.session',
    source: 'MCP 2025-11-25, transports, session management',
    level: 'core',
    says: 'an unknown session is 404, a missing one 400, an ended one 404',
    async run(context) {
      const ping = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' });
      const json = { 'content-type': 'application/json' };
      const { probe } = context;
      const unknown = await probe.status('POST', { ...json, 'mcp-session-id': 'nobody' }, ping);
      expect(unknown === 404, () => `an unknown session was answered with HTTP ${unknown}`);
      const ended = await context.open();
      await ended.status('DELETE', {});
      const after = await ended.status('POST', json, ping);
      expect(after === 404, () => `an ended session was answered with HTTP ${after}`);
      await ended.close();
    },
  },
  {
    id: 'door.malformed',
    source: 'JSON-RPC 2.0, 5.1',
    level: 'core',
    says: 'what is no JSON is refused (400, -32700), and the session lives',
    async run({ probe }) {
      const answer = await probe.post('{"jsonrpc":');
      expect(answer.status === 400, () => `malformed JSON was answered with HTTP ${answer.status}`);
      expectError(answer, -32700, 'malformed JSON');
      expectResult(await probe.ask('ping'));
    },
  },
];
