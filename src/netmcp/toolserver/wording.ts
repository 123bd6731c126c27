import type { Refusal, ToolCallOutput } from '../../../machines/protocols/tool-call.machine.ts';
import { type ChainEntry, EXTENSION, type ResultMeta } from '../schema/index.ts';
import type { CallToolResult } from '../session/server-session.ts';
import { ForeignResult } from '../tools/foreign.ts';
import type { NfTool } from '../tools/types.ts';

export interface CallEnd {
  result: CallToolResult;
  /** False if certainly nothing was executed: the same key may then be used again. */
  binding: boolean;
}

/** A result of MCP that tells of an error, with what is known in `_meta`. */
export function failed(text: string, meta: ResultMeta): CallToolResult {
  return { content: [{ type: 'text', text }], isError: true, _meta: { [EXTENSION]: meta } };
}

export function refusedText(tool: string, refusal: Refusal): string {
  const { parameter, rule, allowed, message, step } = refusal;
  return `${tool} was refused (${step}): ${message}. Parameter: ${parameter || '-'}; rule: ${rule}; allowed: ${allowed}.`;
}

/** Words the end of a call (NetMCP 3). */
export function wordEnd(
  end: ToolCallOutput,
  about: { serverId: string; tool: NfTool; chain: ChainEntry[]; plan(): string; sent: boolean },
): CallEnd {
  const { tool, chain } = about;
  const { name } = tool;
  const meta: ResultMeta = { server: about.serverId, chain };
  const effect = tool.meta.effects !== 'read';
  // Anything that changed an NF binds its key, also if the call as a whole failed.
  const touched = effect && chain.some((entry) => entry.status < 400);
  switch (end.end) {
    case 'succeeded':
      if (end.result instanceof ForeignResult) {
        const { result, taint } = end.result;
        const own = { ...meta, attempts: end.attempts, ...(taint.length > 0 && { taint }) };
        return { binding: true, result: { ...result, _meta: { [EXTENSION]: own } } };
      }
      return {
        binding: true,
        result: {
          content: [{ type: 'text', text: JSON.stringify(end.result) }],
          structuredContent: end.result as Record<string, unknown>,
          _meta: { [EXTENSION]: { ...meta, attempts: end.attempts } },
        },
      };
    case 'rehearsed': {
      // An output that fits the schema does not exist yet, so none is given.
      const needs = end.needs === null ? '' : ` It needs the approval of a human: ${end.needs}`;
      const text = `${name}: verified and ${end.needs === null ? 'allowed' : 'not refused'}; not executed (dry run).${needs}`;
      return {
        binding: false,
        result: {
          content: [{ type: 'text', text }],
          _meta: {
            [EXTENSION]: {
              ...meta,
              dryRun: true,
              ...(end.needs !== null && { approval: { plan: about.plan(), question: end.needs } }),
            },
          },
        },
      };
    }
    case 'refused': {
      const human = end.refusal.step === 'human' || end.refusal.step === 'approval';
      return {
        binding: false,
        result: failed(refusedText(name, end.refusal), {
          ...meta,
          refusal: end.refusal,
          executed: 'no',
          ...(human && { approval: { plan: about.plan(), question: end.refusal.message } }),
        }),
      };
    }
    case 'failed': {
      const maybe = end.failure.executed === 'maybe' && effect;
      return {
        binding: touched || maybe,
        result: failed(`${name} failed: ${end.failure.message}`, {
          ...meta,
          attempts: end.attempts,
          executed: touched || maybe ? 'maybe' : 'no',
        }),
      };
    }
    case 'cancelled':
    case 'expired': {
      // What was on its way when the call ended has no entry in the chain.
      const maybe = touched || about.sent;
      const text =
        end.end === 'cancelled'
          ? `${name} was cancelled by its caller.`
          : `${name} did not end within its deadline.`;
      return {
        binding: maybe && !tool.idempotent,
        result: failed(text, { ...meta, executed: maybe ? 'maybe' : 'no' }),
      };
    }
  }
}
