import { type Check, expect, skip } from '../../conformance/check.ts';
import {
  ERROR_FORBIDDEN,
  EXTENSION,
  METHODS,
  publishedResultSchema,
  toolMetaSchema,
  toolsetResultSchema,
} from '../schema/index.ts';
import { expectError, expectResult, expectShape, needs, type ServerContext, show } from './context.ts';
import type { Json, Listener, Probe } from './probe.ts';

const NAME = 'netmcp_conformance_reading';
const UPDATED = 'netmcp_conformance_updating';
const MARK = 'as its second version says';

/** A tool that reads one path of the NRF. It is published, never called. */
const harmless = (more: Json = {}): Json => ({
  name: NAME,
  title: 'Reading of the conformance kit',
  description: 'Counts the registered network functions of one type for the conformance kit.',
  inputSchema: {
    type: 'object',
    required: ['type'],
    properties: { type: { type: 'string', maxLength: 32 } },
  },
  meta: { version: '1.0', category: 'data', labels: ['conformance'], effects: 'read' },
  binding: {
    nf: 'NRF',
    operation: 'NFListRetrieval',
    method: 'GET',
    path: '/nnrf-nfm/v1/nf-instances',
    query: { 'nf-type': '{type}' },
  },
  ...more,
});

const publish = async (probe: Probe) =>
  expectShape(
    await probe.ask(METHODS.toolRegister, { tool: harmless(), summary: 'Conformance kit' }),
    publishedResultSchema,
    'tools/register',
  );
const remove = (probe: Probe) => probe.ask(METHODS.toolRemove, { name: NAME });
const listed = async (probe: Probe) =>
  (expectResult(await probe.ask('tools/list')).tools as Json[]).some(({ name }) => name === NAME);
const heardOfChange = async (stream: Listener) =>
  (await stream.waitFor(({ method }) => method === 'notifications/tools/list_changed')) !== undefined;

/** Life of tools, and toolsets (NetMCP 5). */
export const LIFE_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'life.register',
    source: 'NetMCP 5',
    level: 'core',
    says: 'a published tool is taken, listed and announced, or held or refused with a reason and not listed',
    run(context) {
      needs(context, 'lifecycle');
      return context.listening(async (probe, stream) => {
        const { taken, reason, state } = await publish(probe);
        try {
          const shown = await listed(probe);
          if (taken) {
            expect(shown, () => `it was taken (${state}), but tools/list has it not`);
            expect(await heardOfChange(stream), () => 'no notifications/tools/list_changed came');
          } else {
            expect(reason !== '', () => `it was not taken (${state}), and no reason is given`);
            expect(!shown, () => `it was not taken (${state}: ${reason}), but tools/list has it`);
          }
        } finally {
          await remove(probe);
        }
      });
    },
  },
  {
    id: 'life.held',
    source: 'NetMCP 5',
    level: 'core',
    says: 'a tool that is held or refused is not executed',
    async run(context) {
      needs(context, 'lifecycle');
      const { probe } = context;
      const { taken } = await publish(probe);
      try {
        if (taken) skip('the server takes what this agent publishes');
        const { json } = await probe.call(NAME, { type: 'NRF' });
        expect(
          json?.error !== undefined || json?.result?.isError === true,
          () => `it was executed: ${show(json)}`,
        );
      } finally {
        await remove(probe);
      }
    },
  },
  {
    id: 'life.malformed',
    source: 'NetMCP 5',
    level: 'core',
    says: 'a definition that is not valid is refused (-32602)',
    async run(context) {
      needs(context, 'lifecycle');
      const wrong: Array<[string, unknown]> = [
        ['no tool', null],
        ['a name with a space', harmless({ name: 'two words' })],
        ['no binding', harmless({ binding: undefined })],
        ['more than 4 KB', harmless({ title: 'x'.repeat(200), description: 'x'.repeat(4_500) })],
        ['an address instead of a path', harmless({ binding: { ...binding, path: 'http://192.0.2.1/' } })],
        [
          'a binding to an unknown argument',
          harmless({ binding: { ...binding, path: '/nnrf-nfm/v1/{absent}' } }),
        ],
      ];
      for (const [what, tool] of wrong) {
        const answer = await context.probe.ask(METHODS.toolRegister, { tool });
        if (answer.json?.result !== undefined) await remove(context.probe);
        expectError(answer, -32602, what);
      }
    },
  },
  {
    id: 'life.update',
    source: 'NetMCP 5',
    level: 'core',
    says: 'an update replaces what is listed, or is held with a reason; by its name a tool is deprecated',
    async run(context) {
      needs(context, 'lifecycle');
      const { probe } = context;
      const absent = harmless({ name: 'netmcp_conformance_absent' });
      expectError(
        await probe.ask(METHODS.toolUpdate, { tool: absent }),
        -32602,
        'to update what nobody published',
      );
      // A name of its own: a later version stands in the way of the other checks.
      const called = (description: string, version: string) =>
        harmless({
          name: UPDATED,
          title: 'Update of the conformance kit',
          description,
          meta: { version, category: 'data', labels: ['conformance'], effects: 'read' },
        });
      const ask = async (method: string, params: Json) =>
        expectShape(await probe.ask(method, params), publishedResultSchema, method);
      const first = called('Counts network functions of one type, for updates of the kit.', '1.0');
      const next = called(`Counts network functions of one type, ${MARK}.`, '2.0');
      const { state, reason } = await ask(METHODS.toolRegister, { tool: first });
      if (state === 'withdrawn') skip(`it was not taken up: ${reason}`);
      try {
        const updated = await ask(METHODS.toolUpdate, { tool: next });
        const tools = expectResult(await probe.ask('tools/list')).tools as Json[];
        const shown = String(tools.find(({ name }) => name === UPDATED)?.description ?? '');
        expect(
          shown.includes(MARK) === updated.taken,
          () => `the update was ${updated.taken ? '' : 'not '}taken, and tools/list has ${show(shown)}`,
        );
        if (!updated.taken) {
          expect(updated.reason !== '', () => `it was not taken (${updated.state}), and no reason is given`);
          return;
        }
        const going = await ask(METHODS.toolUpdate, { name: UPDATED, replacedBy: NAME });
        expect(going.state === 'deprecated', () => `deprecated by its name it is ${going.state}`);
      } finally {
        await probe.ask(METHODS.toolRemove, { name: UPDATED });
      }
    },
  },
  {
    id: 'life.remove',
    source: 'NetMCP 5',
    level: 'core',
    says: 'who published a tool removes it; one that nobody published is an error (-32602)',
    async run(context) {
      needs(context, 'lifecycle');
      const { probe } = context;
      const absent = { name: 'netmcp_conformance_absent' };
      expectError(await probe.ask(METHODS.toolRemove, absent), -32602, 'to remove what nobody published');
      const { state, reason } = await publish(probe);
      const gone = await remove(probe);
      if (state === 'withdrawn' && gone.json?.error !== undefined) skip(`it was not taken up: ${reason}`);
      expectShape(gone, publishedResultSchema, 'tools/remove');
      expect(!(await listed(probe)), () => 'it is still in tools/list');
    },
  },
  {
    id: 'life.stranger',
    source: 'NetMCP 5',
    level: 'core',
    says: 'nobody else changes or removes what an agent published (-32012)',
    async run(context) {
      needs(context, 'lifecycle');
      const { probe } = context;
      const stranger = await context.stranger();
      try {
        const { taken, state, reason } = await publish(probe);
        if (!taken && state === 'withdrawn') skip(`it was not taken up: ${reason}`);
        expectError(await remove(stranger), ERROR_FORBIDDEN, 'a stranger removes it');
        expect((await listed(probe)) === taken, () => 'the stranger had an effect on tools/list');
      } finally {
        await remove(probe);
        await stranger.close();
      }
    },
  },
  {
    id: 'life.toolsets',
    source: 'NetMCP 5 and 8',
    level: 'core',
    says: 'a toolset is loaded and unloaded by the session, which hears that its list changed',
    run(context) {
      needs(context, 'lifecycle');
      const own = context.tools.flatMap(({ name, _meta }) => {
        const meta = toolMetaSchema.safeParse(_meta?.[EXTENSION]);
        return meta.success ? [{ name, category: meta.data.category }] : [];
      });
      const [first] = own;
      if (first === undefined) skip('no tool has a category');
      return context.listening(async (probe, stream) => {
        const ask = async (method: string, params: Json) =>
          expectShape(await probe.ask(method, params), toolsetResultSchema, method);
        const { category } = first;
        const { loaded, tools, available } = await ask(METHODS.toolsetLoad, {
          sets: [category, 'netmcp-conformance-absent'],
        });
        expect(loaded.join() === category, () => `loaded is ${show(loaded)} after ${category}`);
        expect(tools.includes(first.name), () => `${first.name} is not among ${show(tools)}`);
        expect(
          available.some(({ name, tools: n }) => name === category && n > 0),
          () => `available: ${show(available)}`,
        );
        expect(await heardOfChange(stream), () => 'no notifications/tools/list_changed came');
        const shown = expectResult(await probe.ask('tools/list')).tools as Json[];
        expect(
          shown.some(({ name }) => name === first.name),
          () => `${first.name} was loaded, but tools/list has it not`,
        );
        const after = await ask(METHODS.toolsetUnload, { sets: [category] });
        expect(after.loaded.length === 0, () => `loaded after unload: ${show(after.loaded)}`);
      });
    },
  },
];

const binding = harmless().binding as Json;
