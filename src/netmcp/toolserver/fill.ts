import type { Refusal } from '../../../machines/protocols/tool-call.machine.ts';
import type { ToolMeta } from '../schema/index.ts';
import { compileValue, type Variables } from './rules.ts';

export type JsonSchema = Record<string, unknown>;

/** The parameters that a server fills for an agent (NetMCP 2, tool interface optimisation of 4.3.8). */
export interface Fill {
  names: ReadonlySet<string>;
  fill(given: Variables): { args: Record<string, unknown> } | { refusal: Refusal };
}

/** Fixed values first, then the derived ones in the order of their definition. @throws for a rule or name that is wrong */
export function compileFill(meta: Pick<ToolMeta, 'defaults' | 'derived'>, schema: JsonSchema): Fill {
  const defaults = Object.entries(meta.defaults ?? {});
  const derived = Object.entries(meta.derived ?? {}).map(([name, rule]) => ({
    name,
    rule,
    value: compileValue(rule),
  }));
  const names = new Set([...defaults, ...Object.entries(meta.derived ?? {})].map(([name]) => name));
  const known = (schema.properties ?? {}) as Record<string, unknown>;
  for (const name of names) {
    if (!Object.hasOwn(known, name)) throw new Error(`it fills ${name}, which is no parameter of it`);
  }
  if (names.size < defaults.length + derived.length) throw new Error('it fills a parameter twice');
  return {
    names,
    fill({ args, state }) {
      if (names.size === 0) return { args };
      const whole: Record<string, unknown> = { ...args, ...Object.fromEntries(defaults) };
      for (const { name, rule, value } of derived) {
        try {
          whole[name] = value({ args: whole, state });
        } catch {
          return {
            refusal: {
              step: 'constraint',
              parameter: name,
              rule,
              allowed: 'arguments from which it can be derived',
              message: `${name} cannot be derived from the arguments`,
            },
          };
        }
      }
      return { args: whole };
    },
  };
}

/** The schema that agents see: without what the server fills. */
export function withoutParameters(schema: JsonSchema, names: ReadonlySet<string>): JsonSchema {
  if (names.size === 0) return schema;
  const {
    properties = {},
    required,
    ...rest
  } = schema as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  const left = required?.filter((name) => !names.has(name)) ?? [];
  return {
    ...rest,
    properties: Object.fromEntries(Object.entries(properties).filter(([name]) => !names.has(name))),
    ...(left.length > 0 && { required: left }),
  };
}
