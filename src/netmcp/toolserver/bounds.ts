import type { Refusal } from '../../../machines/protocols/tool-call.machine.ts';

/** What arguments may measure, whatever a tool's schema says: looked at before anything walks them. */
export const ARGUMENT_LIMITS = {
  /** Levels of arrays and objects. */
  depth: 16,
  /** Members and elements in all. A route of 5 000 points has 20 000. */
  nodes: 50_000,
  /** Characters of one string. */
  text: 65_536,
};

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * The first thing in the arguments that no tool wants (attack: huge, deep or poisoned JSON), or null. Walks
 * without recursion and stops at the first limit, so its own cost is bounded.
 */
export function refuseBounds(args: unknown, limits = ARGUMENT_LIMITS): Refusal | null {
  const waiting: Array<{ value: unknown; path: string; depth: number }> = [
    { value: args, path: '', depth: 0 },
  ];
  let nodes = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const { value, path, depth } = at;
    if (typeof value === 'string' && value.length > limits.text)
      return refusal(path, 'length', `at most ${limits.text} characters`, 'is too long');
    if (typeof value === 'number' && !Number.isFinite(value))
      return refusal(path, 'number', 'a finite number', 'is not a number');
    if (typeof value !== 'object' || value === null) continue;
    if (depth >= limits.depth)
      return refusal(path, 'depth', `at most ${limits.depth} levels`, 'is nested too deep');
    const keys = Object.keys(value);
    nodes += keys.length;
    if (nodes > limits.nodes)
      return refusal(path, 'size', `at most ${limits.nodes} values in all`, 'has too many values');
    for (const key of keys) {
      const place = (path === '' ? key : `${path}.${key}`).slice(0, 200);
      if (FORBIDDEN.has(key) && !Array.isArray(value))
        return refusal(place, 'name', 'names of parameters', 'is no name of a parameter');
      waiting.push({ value: (value as Record<string, unknown>)[key], path: place, depth: depth + 1 });
    }
  }
  return null;
}

function refusal(path: string, rule: string, allowed: string, problem: string): Refusal {
  const parameter = path.slice(0, 200);
  return {
    step: 'bounds',
    parameter,
    rule,
    allowed,
    message: `${parameter === '' ? 'the arguments' : parameter} ${problem}`,
  };
}
