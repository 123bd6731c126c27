import { randomUUID } from 'node:crypto';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Check, expect, skip } from '../../conformance/check.ts';
import { EXTENSION, resultMetaSchema } from '../schema/index.ts';
import { expectError, expectResult, type ServerContext, sampleOf, show } from './context.ts';
import type { Json } from './probe.ts';

function metaOf(result: Json) {
  const read = resultMetaSchema.safeParse((result._meta as Json | undefined)?.[EXTENSION]);
  expect(read.success, () => `_meta["org.gtigroup/netmcp"] of the result: ${show(result._meta)}`);
  return read.data;
}

/** Calls: verification, idempotency, trace (NetMCP 3). Only tools that read are executed. */
export const CALL_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'call.result',
    source: 'NetMCP 3; MCP 2025-11-25, tools, structured content',
    level: 'core',
    says: 'a result names its server and the chain of SBI calls, and fits the output schema',
    async run(context) {
      const { name, tool, args } = sampleOf(context);
      const result = expectResult(await context.probe.call(name, args));
      expect(result.isError !== true, () => `${name} failed: ${show(result.content)}`);
      const meta = metaOf(result);
      expect(meta.server !== '', () => 'the result names no server');
      if (tool.outputSchema !== undefined) {
        const validate = new Ajv2020({ strict: false }).compile(tool.outputSchema);
        expect(validate(result.structuredContent), () => show(validate.errors?.[0]));
      }
    },
  },
  {
    id: 'call.unknown-tool',
    source: 'MCP 2025-11-25, tools, error handling',
    level: 'core',
    says: 'an unknown tool is a protocol error (-32602), also where it is named like a property of objects',
    async run({ probe }) {
      for (const name of ['no_such_tool', 'constructor', '__proto__'])
        expectError(await probe.call(name, {}), -32602, name);
    },
  },
  {
    id: 'call.schema-refusal',
    source: 'NetMCP 3',
    level: 'core',
    says: 'arguments beyond the schema are refused as a tool error that names parameter and rule; no NF is reached',
    async run({ probe, tools }) {
      const strict = tools.find(({ inputSchema }) => inputSchema.additionalProperties === false);
      if (strict === undefined) skip('no tool has a closed input schema');
      const wrong = { 'netmcp-conformance': { constructor: 1 } };
      const result = expectResult(await probe.call(strict.name, wrong));
      expect(result.isError === true, () => `${strict.name} took an argument that its schema forbids`);
      const meta = metaOf(result);
      expect(meta.refusal !== undefined, () => 'the refusal is not in _meta');
      expect(meta.refusal.rule !== '', () => `the refusal names no rule: ${show(meta.refusal)}`);
      expect(meta.chain.length === 0, () => `an NF was reached: ${show(meta.chain)}`);
    },
  },
  {
    id: 'call.dry-run',
    source: 'NetMCP 3',
    level: 'core',
    says: 'a dry run verifies and executes nothing',
    async run(context) {
      const { name, args } = sampleOf(context);
      const result = expectResult(await context.probe.call(name, args, { dryRun: true }));
      const meta = metaOf(result);
      expect(result.isError !== true && meta.dryRun === true, () => `not marked as a dry run: ${show(meta)}`);
      expect(meta.chain.length === 0, () => `an NF was reached: ${show(meta.chain)}`);
      expect(result.structuredContent === undefined, () => 'a dry run has no output');
    },
  },
  {
    id: 'call.idempotency',
    source: 'NetMCP 3',
    level: 'core',
    says: 'the same key gives the stored result; the same key with other arguments is refused',
    async run(context) {
      const { name, args } = sampleOf(context);
      const idempotencyKey = randomUUID();
      const first = expectResult(await context.probe.call(name, args, { idempotencyKey }));
      const second = expectResult(await context.probe.call(name, args, { idempotencyKey }));
      expect(
        show(first.structuredContent) === show(second.structuredContent) &&
          show(metaOf(first).chain) === show(metaOf(second).chain),
        () => 'the second result is not the stored one',
      );
      expect(metaOf(second).replayed === true, () => 'the repeated result is not marked as replayed');
      const other = expectResult(await context.probe.call(name, { ...args, other: 1 }, { idempotencyKey }));
      expect(other.isError === true, () => 'one key was taken for two different calls');
    },
  },
  {
    id: 'call.malformed-meta',
    source: 'NetMCP 3',
    level: 'core',
    says: 'malformed metadata of a call is refused (-32602)',
    async run(context) {
      const { name, args } = sampleOf(context);
      expectError(await context.probe.call(name, args, { deadline: 'soon' }), -32602, 'deadline "soon"');
    },
  },
  {
    id: 'call.trace',
    source: 'NetMCP 3; W3C Trace Context',
    level: 'recommended',
    says: 'a call with a traceparent is served like any other',
    async run(context) {
      const { name, args } = sampleOf(context);
      const traceparent = `00-${randomUUID().replaceAll('-', '')}-${randomUUID().replaceAll('-', '').slice(16)}-01`;
      const result = expectResult(await context.probe.call(name, args, { traceparent }));
      expect(result.isError !== true, () => `${name} failed: ${show(result.content)}`);
    },
  },
  {
    id: 'call.plain',
    source: 'NetMCP 1',
    level: 'core',
    says: 'a plain MCP client can call a tool without any metadata',
    async run(context) {
      const { name, args } = sampleOf(context);
      const plain = await context.open(null);
      try {
        const result = expectResult(await plain.ask('tools/call', { name, arguments: args }));
        expect(result.isError !== true, () => `${name} failed: ${show(result.content)}`);
      } finally {
        await plain.close();
      }
    },
  },
];
