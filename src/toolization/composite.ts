import { z } from 'zod';
import { fail } from '../errors.ts';
import {
  compileTool,
  type NfTool,
  NotComposable,
  permissionOf,
  type ToolContext,
  type ToolMeta,
} from '../netmcp/index.ts';
import type { CompositeTool } from './bundle.ts';
import { CallFailure } from './call-failure.ts';
import { isNode, type Node } from './json.ts';

const WORST = ['read', 'reversible', 'irreversible'] as const;

type Call = { tool: string; args: Record<string, unknown> };

/**
 * One tool that runs several others in order, over one or several NFs. Its parameters are those that its steps
 * take from `input`, with the schemas that they have there. Each step is verified like a call of its own. Where
 * one fails, the `undo` of those before it run in reverse. @throws TOOLS_BUNDLE_INVALID
 */
export function compositeTool(composite: CompositeTool, tools: ReadonlyMap<string, NfTool>): NfTool {
  const { name, title, description, steps, output } = composite;
  const invalid = (problem: string) => fail('TOOLS_BUNDLE_INVALID', { file: name, problem });
  const toolOf = (wanted: string) => {
    const tool = tools.get(wanted);
    if (tool === undefined) throw invalid(`there is no tool ${wanted}`);
    return tool;
  };
  const properties: Node = {};
  const required = new Set<string>();
  const before = new Set(['input']);
  for (const step of steps) {
    if (before.has(step.id)) throw invalid(`two steps are called ${step.id}`);
    const tool = toolOf(step.tool);
    const { shown, needed } = parametersOf(tool);
    for (const [parameter, value] of Object.entries(step.args)) {
      const schema = shown[parameter];
      if (schema === undefined) throw invalid(`${parameter} is no parameter of ${step.tool}`);
      const [from, own, ...more] = sourceOf(value) ?? [];
      if (from === undefined) continue;
      if (!before.has(from)) throw invalid(`${step.id} takes from ${from}, which is no step before it`);
      if (from !== 'input') continue;
      if (own === undefined || more.length > 0)
        throw invalid(`${step.id}.${parameter}: input.NAME is needed`);
      properties[own] ??= schema;
      if (needed.has(parameter)) required.add(own);
    }
    const missing = [...needed].find((parameter) => !Object.hasOwn(step.args, parameter));
    if (missing !== undefined) throw invalid(`${step.id} gives no ${missing} to ${step.tool}`);
    before.add(step.id);
    if (step.undo !== undefined) toolOf(step.undo.tool);
  }
  const all = steps.map((step) => toolOf(step.tool));
  const worst = all.reduce((a, b) => (WORST.indexOf(b.meta.effects) > WORST.indexOf(a.meta.effects) ? b : a));
  return {
    name,
    title,
    description,
    input: z.looseObject({}),
    output: z.looseObject({}),
    schemas: {
      input: { type: 'object', properties, required: [...required], additionalProperties: false },
      output: { type: 'object', properties: Object.fromEntries(Object.keys(output).map((key) => [key, {}])) },
    },
    idempotent: all.every((tool) => tool.idempotent),
    meta: {
      version: '1.0',
      category: worst.meta.category,
      kind: worst.meta.kind,
      labels: ['composite', ...new Set(all.flatMap(({ meta }) => meta.labels))].slice(0, 8),
      serviceArea: [],
      permission: permissionsOf(all, invalid),
      constraints: [],
      effects: worst.meta.effects,
      nf: nfsOf(all),
    },
    async execute(given, context) {
      const known: Node = { input: given };
      const done: CompositeTool['steps'] = [];
      for (const step of steps) {
        try {
          known[step.id] = await run(toolOf(step.tool), step, known, context);
        } catch (error) {
          const undone: string[] = [];
          for (const { id, undo } of done.toReversed()) {
            if (undo === undefined) continue;
            const ended = await run(toolOf(undo.tool), undo, known, context).then(
              () => 'undone',
              (why: unknown) => `not undone (${messageOf(why)})`,
            );
            undone.push(`${id} ${ended}`);
          }
          throw stopped(
            step,
            error,
            done.map(({ id }) => id),
            undone,
          );
        }
        done.push(step);
      }
      const entries = Object.entries(output).map(([key, source]) => [
        key,
        valueAt(known, sourceOf(source) ?? []),
      ]);
      return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
    },
  };
}

/** @throws what refuses the step, and whatever its tool throws */
async function run(tool: NfTool, call: Call, known: Node, context: ToolContext): Promise<unknown> {
  const args: Node = {};
  for (const [parameter, value] of Object.entries(call.args)) {
    const source = sourceOf(value);
    const found = source === null ? value : valueAt(known, source);
    if (found !== undefined) args[parameter] = found;
  }
  if (context.step === undefined)
    throw new CallFailure('STEP_REFUSED', 'this host runs no composite tools', {
      retryable: false,
      executed: 'no',
    });
  return context.step(tool, args);
}

const kept = new WeakMap<NfTool, ReturnType<typeof compileTool>>();
function compiled(tool: NfTool): ReturnType<typeof compileTool> {
  const known = kept.get(tool) ?? compileTool(tool);
  kept.set(tool, known);
  return known;
}

function stopped(
  step: { id: string; tool: string },
  error: unknown,
  done: string[],
  undone: string[],
): CallFailure {
  const failure =
    isNode(error) || error instanceof Error
      ? (error as { failure?: CallFailure['failure'] }).failure
      : undefined;
  const text = [
    `step ${step.id} (${step.tool}) failed: ${messageOf(error)}`,
    `done before: ${done.join(', ') || 'nothing'}`,
    ...(undone.length > 0 ? [undone.join(', ')] : []),
  ].join('; ');
  return new CallFailure(failure?.code ?? 'STEP_FAILED', text, {
    // What came before is not repeated without being asked for.
    retryable: done.length === 0 && failure?.retryable === true,
    executed: done.length === 0 ? (failure?.executed ?? 'maybe') : 'maybe',
  });
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

/** The parts of `$from`, or null for a plain value. */
function sourceOf(value: unknown): string[] | null {
  return isNode(value) && typeof value.$from === 'string' ? value.$from.split('.') : null;
}

function valueAt(known: Node, path: readonly string[]): unknown {
  let here: unknown = known;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Node)[key];
  }
  return here;
}

/** What agents give to a tool, and which of it they must. */
function parametersOf(tool: NfTool): { shown: Record<string, Node>; needed: Set<string> } {
  const { properties = {}, required = [] } = compiled(tool).definition.inputSchema as {
    properties?: Record<string, Node>;
    required?: string[];
  };
  return { shown: properties, needed: new Set(required) };
}

function permissionsOf(all: readonly NfTool[], invalid: (problem: string) => Error): ToolMeta['permission'] {
  try {
    return permissionOf(all.map(({ meta }) => meta.permission));
  } catch (error) {
    if (error instanceof NotComposable) throw invalid(error.message);
    throw error;
  }
}

function nfsOf(all: readonly NfTool[]): ToolMeta['nf'] {
  const found = new Map<string, Set<string>>();
  for (const { type, operations } of all.flatMap(({ meta }) => meta.nf)) {
    const known = found.get(type) ?? new Set();
    for (const operation of operations) known.add(operation);
    found.set(type, known);
  }
  return [...found]
    .slice(0, 8)
    .map(([type, operations]) => ({ type, operations: [...operations].slice(0, 8) }));
}
