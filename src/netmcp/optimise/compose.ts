import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Permission, ToolMeta } from '../schema/index.ts';
import type { NfTool } from '../tools/types.ts';
import { SbiFailure } from '../toolserver/sbi-failure.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import type { CompiledTool } from '../toolserver/verify.ts';
import { type Plan, settle } from './flow.ts';
import type { Pattern } from './miner.ts';

export interface Composite {
  tool: NfTool;
  steps: string[];
  plan: Plan;
  /** Of the steps as they were when this was made. */
  definitions: string[];
}

/** Why a sequence is not made into a tool. */
export class NotComposable extends Error {
  override readonly name = 'NotComposable';
}

const WORST = ['read', 'reversible', 'irreversible'] as const;
type Shape = Record<string, z.ZodType>;

/**
 * A tool that does what a sequence does. Its texts come from the steps' own, never from what clients sent.
 * @throws NotComposable
 */
export function compose(pattern: Pattern, shelf: Shelf): Composite {
  const steps = pattern.tools.map((name) => {
    const step = shelf.get(name);
    if (step === undefined) throw new NotComposable(`${name} is not offered`);
    return step;
  });
  const effects =
    WORST[Math.max(...steps.map(({ tool }) => WORST.indexOf(tool.meta.effects)))] ?? 'irreversible';
  // An irreversible step is asked for by its own name, where its approval is seen for what it is.
  if (effects === 'irreversible') throw new NotComposable('a step cannot be undone');
  const shapes = steps.map(shapeOf);
  const plan = settle(pattern.flow, (step, parameter, value) => freezable(shapes[step]?.[parameter], value));
  if (plan.linked === 0) throw new NotComposable('its steps have no data in common');
  const shape: Shape = {};
  for (const [name, { step, parameter }] of plan.inputs) {
    const type = shapes[step]?.[parameter];
    if (type === undefined) throw new NotComposable(`${parameter} is no parameter of step ${step + 1}`);
    shape[name] = type;
  }
  const worst = steps.find(({ tool }) => tool.meta.effects === effects) ?? steps[0];
  const hash = createHash('sha256').update(pattern.key).digest('hex').slice(0, 6);
  const name = `${pattern.tools.join('_then_').slice(0, 100)}_${hash}`;
  const listed = steps.map(({ tool }, at) => `${at + 1}. ${tool.title} (${tool.name})`).join('; ');
  return {
    steps: pattern.tools,
    plan,
    definitions: steps.map(({ definition }) => JSON.stringify(definition)),
    tool: {
      name,
      title: steps
        .map(({ tool }) => tool.title)
        .join(', then ')
        .slice(0, 200),
      description: `Does in one call what is often called one after another: ${listed}. Stops at the first step that fails.`,
      input: z.strictObject(shape),
      output: z.object({ results: z.array(z.object({ tool: z.string(), output: z.looseObject({}) })) }),
      idempotent: steps.every(({ tool }) => tool.idempotent),
      meta: {
        version: '1.0',
        category: worst?.tool.meta.category ?? 'management',
        kind: 'composite',
        labels: [...new Set(['composite', ...steps.flatMap(({ tool }) => tool.meta.labels)])].slice(0, 32),
        serviceArea: worst?.tool.meta.serviceArea ?? [],
        permission: permissionOf(steps.map(({ tool }) => tool.meta.permission)),
        constraints: [],
        effects,
        nf: mergedNf(steps),
      },
      execute: () => {
        // The optimiser's caller runs the steps; nothing else may.
        throw new SbiFailure({
          code: 'COMPOSITE',
          message: 'a composite tool is run by its steps',
          retryable: false,
          executed: 'no',
        });
      },
    },
  };
}

/** All that the steps need: scopes add up, named agents must be named by each. @throws NotComposable */
export function permissionOf(permissions: readonly Permission[]): Permission {
  const scopes = new Set<string>();
  let agents: string[] | null = null;
  for (const permission of permissions) {
    if (permission.mode === 'token') for (const scope of permission.scopes) scopes.add(scope);
    if (permission.mode === 'specified') {
      const named = permission.agents;
      agents = agents === null ? named : agents.filter((agent) => named.includes(agent));
    }
  }
  if (agents !== null && agents.length === 0) throw new NotComposable('no agent may use all steps');
  if (agents !== null && scopes.size > 0)
    throw new NotComposable('its steps need named agents and tokens, which one permission cannot say');
  if (scopes.size > 32) throw new NotComposable('its steps need too many scopes');
  if (agents !== null) return { mode: 'specified', agents };
  return scopes.size > 0 ? { mode: 'token', scopes: [...scopes] } : { mode: 'public' };
}

function shapeOf({ tool }: CompiledTool): Shape {
  const { input } = tool;
  if (!(input instanceof z.ZodObject)) throw new NotComposable(`${tool.name} has no flat parameters`);
  return input.shape as Shape;
}

/** A truth or one of listed words may be frozen; any other value may be somebody's data. */
function freezable(type: z.ZodType | undefined, value: unknown): boolean {
  if (typeof value === 'boolean') return true;
  if (typeof value !== 'string' || type === undefined) return false;
  let inner: unknown = type;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodNullable || inner instanceof z.ZodDefault) {
    inner = inner.unwrap();
  }
  return inner instanceof z.ZodEnum || inner instanceof z.ZodLiteral;
}

function mergedNf(steps: readonly CompiledTool[]): ToolMeta['nf'] {
  const merged = new Map<string, Set<string>>();
  for (const { type, operations } of steps.flatMap(({ tool }) => tool.meta.nf)) {
    const known = merged.get(type) ?? new Set();
    for (const operation of operations) known.add(operation);
    merged.set(type, known);
  }
  if (merged.size > 8 || [...merged.values()].some((operations) => operations.size > 8))
    throw new NotComposable('too many NF operations stand behind it');
  return [...merged].map(([type, operations]) => ({ type, operations: [...operations] }));
}
