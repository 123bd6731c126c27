import { z } from 'zod';
import { hashOf } from '../life/content.ts';
import { findHiddenIn, visible, visibleIn } from '../life/hidden.ts';
import type { Offer } from '../life/offer.ts';
import { type Taint, type ToolMeta, toolNameSchema } from '../schema/index.ts';
import type { CallToolResult, Tool } from '../session/server-session.ts';
import { ForeignResult } from '../tools/foreign.ts';
import type { NfTool } from '../tools/types.ts';
import { compileForeign, readForeignSchema } from '../toolserver/foreign-schema.ts';
import { SbiFailure } from '../toolserver/sbi-failure.ts';
import { compileTool, MAX_DEFINITION } from '../toolserver/verify.ts';
import type { Adoption } from './adoption.ts';
import type { Backend } from './backend.ts';

/** Characters of JSON in one result. */
const MAX_RESULT = 1_048_576;
/** Longest text that is put around a definition later. */
const ROOM = 160;

/**
 * A tool of an adopted server as an offer: our name, the operator's word on its effects, its text made
 * visible. What is pinned is what the server said, unchanged. @throws Error, why it cannot be taken
 */
export function readAdopted(
  tool: Tool,
  adoption: Adoption,
  backend: Pick<Backend, 'call' | 'healthy'>,
  onTaint: (tool: string, taint: Taint[]) => void,
): Offer {
  const bare = tool.name;
  const { title = '', description = '', inputSchema, outputSchema, annotations } = tool;
  const name = toolNameSchema.safeParse(`${adoption.id}__${plain(bare)}`);
  if (!name.success) throw new Error('its name is too long or empty');
  const input = readForeignSchema(inputSchema, false);
  const output = outputSchema === undefined ? undefined : readForeignSchema(outputSchema, false);
  const effects = effectsOf(tool, adoption);
  const check = output && compileForeign(output);
  const nfTool = fitted({
    name: name.data,
    title: visible(title || annotations?.title || bare).slice(0, 200),
    description: visible(description),
    input: z.record(z.string(), z.unknown()),
    output: z.record(z.string(), z.unknown()),
    schemas: { input: visibleIn(input), ...(output && { output: visibleIn(output) }) },
    idempotent: effects === 'read' || annotations?.idempotentHint === true,
    meta: {
      version: '1.0',
      category: adoption.category ?? 'data',
      labels: [adoption.id, ...(adoption.labels ?? [])],
      serviceArea: [],
      // Nobody, until it is approved.
      permission:
        effects === 'read' ? (adoption.permission ?? { mode: 'public' }) : { mode: 'specified', agents: [] },
      constraints: adoption.constraints?.[bare] ?? [],
      effects,
      nf: [],
    },
    execute: (args, context) =>
      context.hop(`mcp:${adoption.id}`, `tools/call ${visible(bare).slice(0, 100)}`, async () => {
        const result = await backend.call(bare, args as Record<string, unknown>, context.signal);
        const value = readResult(result, adoption.id, check);
        if (value.taint.length > 0) onTaint(name.data, value.taint);
        return {
          status: result.isError === true ? 500 : 200,
          value: value as unknown as Record<string, unknown>,
        };
      }),
  });
  const content = { name: bare, title, description, inputSchema, outputSchema, annotations };
  const doubts: string[] = [];
  if (effects !== 'read') doubts.push('it may change something, and nobody has approved it');
  else if (adoption.trustReadHints === false && adoption.effects?.[bare] === undefined)
    doubts.push('only its own hint says that it just reads');
  return {
    name: name.data,
    bare,
    provider: `mcp:${adoption.id}`,
    origin: 'adopted',
    version: '1.0',
    summary: '',
    tool: nfTool,
    content,
    hash: hashOf({ ...content, server: adoption.id }),
    // Two tools that say nothing are not the same tool.
    body: hashOf(
      description.length >= 10 ? { description, inputSchema } : { ...content, server: adoption.id },
    ),
    doubts,
    taint: findHiddenIn(content, ''),
    probe: async () => backend.healthy(),
  };
}

function effectsOf({ name, annotations }: Tool, adoption: Adoption): ToolMeta['effects'] {
  const said = adoption.effects;
  if (said !== undefined && Object.hasOwn(said, name)) return said[name] as ToolMeta['effects'];
  if (annotations?.readOnlyHint === true) return 'read';
  // MCP 2025-11-25, annotations: destructive unless it says otherwise.
  return annotations?.destructiveHint === false ? 'reversible' : 'irreversible';
}

/** Letters that models cannot call become their code, so that two names stay two. */
function plain(name: string): string {
  return [...name]
    .map((character) =>
      /[A-Za-z0-9_-]/.test(character)
        ? character
        : character === '.' || character === '/'
          ? '_'
          : `_x${(character.codePointAt(0) ?? 0).toString(16)}`,
    )
    .join('');
}

/** Cuts the description to the room that the schemas leave. @throws Error where they leave none */
function fitted(tool: NfTool): NfTool {
  const marked = (description: string): NfTool => ({
    ...tool,
    description,
    meta: { ...tool.meta, deprecated: { since: '2000-01-01T00:00:00.000Z', replacedBy: 'x'.repeat(64) } },
  });
  const sizeOf = (text: string) => Buffer.byteLength(JSON.stringify(text));
  const bare = Buffer.byteLength(JSON.stringify(compileTool(marked('')).definition));
  const room = MAX_DEFINITION - bare - ROOM;
  let { description } = tool;
  while (sizeOf(description) > room && description !== '')
    description = description.slice(0, Math.floor(description.length * 0.9));
  if (description !== tool.description) description = `${description.trimEnd()} [cut]`;
  compileTool(marked(description));
  return { ...tool, description };
}

function readResult(
  result: CallToolResult,
  id: string,
  check: ReturnType<typeof compileForeign> | undefined,
): ForeignResult {
  const unreadable = (problem: string) =>
    new SbiFailure({
      code: 'NF_ANSWER_UNREADABLE',
      message: `${id}: ${problem}`,
      retryable: false,
      executed: 'maybe',
    });
  const { content, structuredContent, isError } = result;
  if (JSON.stringify([content, structuredContent]).length > MAX_RESULT)
    throw unreadable(`the result is larger than ${MAX_RESULT} characters`);
  if (check !== undefined && isError !== true && !check(structuredContent))
    throw unreadable('the result is not what the tool promises');
  const texts = content.flatMap((part) => (part.type === 'text' ? [part.text] : []));
  const taint = findHiddenIn([texts, structuredContent], '').map((one) => ({
    ...one,
    where: one.where.startsWith('/1')
      ? one.where.replace('/1', '/structuredContent')
      : one.where.replace('/0', '/content'),
  }));
  return new ForeignResult(
    {
      content,
      ...(structuredContent !== undefined && { structuredContent }),
      ...(isError === true && { isError }),
    },
    taint,
  );
}
