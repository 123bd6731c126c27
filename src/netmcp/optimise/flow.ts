/** Where the arguments of a sequence of calls come from, learnt from how they were called. */

/** One successful call as it was seen. */
export interface SeenCall {
  tool: string;
  args: Record<string, unknown>;
  output: unknown;
}

/** Where one argument of one step comes from. */
export type Source =
  | { from: 'input'; name: string }
  | { from: 'output'; step: number; path: readonly string[] }
  | { from: 'constant'; value: unknown };

const DEEPEST = 4;
const MOST_NODES = 300;
const MOST_PATHS = 8;
const MOST_VALUES = 3;
const SEPARATOR = '\u0000';

/** JSON with sorted keys: equal values have equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * A value that says something when it turns up again: `true`, `1` and short words turn up by chance, and
 * objects are not compared.
 */
function telling(value: unknown): boolean {
  if (typeof value === 'string') return value.length >= 3;
  if (typeof value === 'number') return !Number.isInteger(value) || Math.abs(value) >= 10;
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item !== 'object');
}

/** Text of a value, and the paths at which it stands. */
type Valued = Map<string, string[][]>;
const valued = new WeakMap<SeenCall, Valued>();

/** All telling values in an output with their paths, the shallow ones first; bounded, and read once a call. */
function valuesOf(call: SeenCall): Valued {
  let found = valued.get(call);
  if (found === undefined) {
    found = readValues(call.output);
    valued.set(call, found);
  }
  return found;
}

function readValues(output: unknown): Valued {
  const found: Valued = new Map();
  const nodes: Array<{ value: unknown; path: string[] }> = [{ value: output, path: [] }];
  for (let next = 0; next < nodes.length && next < MOST_NODES; next += 1) {
    const { value, path } = nodes[next] as (typeof nodes)[number];
    if (path.length > 0 && telling(value)) {
      const text = canonical(value);
      const paths = found.get(text);
      if (paths === undefined) found.set(text, [path]);
      else if (paths.length < MOST_PATHS) paths.push(path);
    }
    if (typeof value !== 'object' || value === null || path.length >= DEEPEST) continue;
    for (const [key, inner] of Object.entries(value).slice(0, 50)) {
      if (!key.includes(SEPARATOR)) nodes.push({ value: inner, path: [...path, key] });
    }
  }
  return found;
}

/** The value at a path of own properties; undefined where there is none. */
export function at(value: unknown, path: readonly string[]): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, key)) return undefined;
    here = (here as Record<string, unknown>)[key];
  }
  return here;
}

interface Slot {
  /** Links that held every time: `o`, step and path, or `i`, step and parameter. */
  links: Set<string>;
  /** Up to three different values. */
  values: Map<string, unknown>;
}

/** What is known of the arguments of one sequence: each call of it narrows where they can come from. */
export interface Flow {
  slots: Map<string, Slot>[];
}

function linksOf(calls: readonly SeenCall[], step: number, value: unknown): Set<string> {
  const links = new Set<string>();
  if (!telling(value)) return links;
  const text = canonical(value);
  for (let before = 0; before < step; before += 1) {
    const call = calls[before];
    if (call === undefined) continue;
    for (const path of valuesOf(call).get(text) ?? []) {
      links.add(['o', String(before), ...path].join(SEPARATOR));
    }
    for (const [name, other] of Object.entries(call.args)) {
      if (canonical(other) === text) links.add(['i', String(before), name].join(SEPARATOR));
    }
  }
  return links;
}

export function beginFlow(calls: readonly SeenCall[]): Flow {
  return {
    slots: calls.map(
      (call, step) =>
        new Map(
          Object.entries(call.args).map(([name, value]) => [
            name,
            { links: linksOf(calls, step, value), values: new Map([[canonical(value), value]]) },
          ]),
        ),
    ),
  };
}

/** The value that a link leads to. */
function linked(calls: readonly SeenCall[], link: string): unknown {
  const [kind, step, ...path] = link.split(SEPARATOR);
  const call = calls[Number(step)];
  return at(kind === 'o' ? call?.output : call?.args, path);
}

export function narrowFlow(flow: Flow, calls: readonly SeenCall[]): void {
  calls.forEach((call, step) => {
    for (const [name, slot] of flow.slots[step] ?? []) {
      const value = call.args[name];
      const text = canonical(value);
      for (const link of slot.links) {
        if (canonical(linked(calls, link)) !== text) slot.links.delete(link);
      }
      if (slot.values.size < MOST_VALUES) slot.values.set(text, value);
    }
  });
}

export interface Plan {
  /** For each step, its parameters with their sources. */
  steps: Array<Map<string, Source>>;
  /** The free parameters: their name in the composite, and whose they are. */
  inputs: Map<string, { step: number; parameter: string }>;
  /** Arguments that no longer have to be given. */
  linked: number;
}

/**
 * Settles the sources. A link counts once it held for two different values; a value that never changed is
 * frozen only where `freezable` allows: it may be one client's data.
 */
export function settle(
  flow: Flow,
  freezable: (step: number, parameter: string, value: unknown) => boolean,
): Plan {
  const inputs: Plan['inputs'] = new Map();
  const steps: Plan['steps'] = [];
  let count = 0;
  flow.slots.forEach((slots, step) => {
    const sources = new Map<string, Source>();
    for (const [parameter, slot] of slots) {
      const varied = slot.values.size > 1;
      const links = [...slot.links].map((link) => link.split(SEPARATOR));
      const output = links.filter(([kind]) => kind === 'o').sort((a, b) => a.length - b.length)[0];
      const shared = links.find(([kind, , name]) => kind === 'i' && (varied || name === parameter));
      const [first] = slot.values.values();
      if (varied && output !== undefined) {
        const [, from, ...path] = output;
        sources.set(parameter, { from: 'output', step: Number(from), path });
        count += 1;
      } else if (shared !== undefined) {
        const source = steps[Number(shared[1])]?.get(shared[2] ?? '');
        if (source !== undefined) sources.set(parameter, source);
        count += 1;
      } else if (!varied && freezable(step, parameter, first)) {
        sources.set(parameter, { from: 'constant', value: first });
      }
      if (!sources.has(parameter)) {
        const name = inputs.has(parameter) ? `${parameter}_${step + 1}` : parameter;
        inputs.set(name, { step, parameter });
        sources.set(parameter, { from: 'input', name });
      }
    }
    steps.push(sources);
  });
  return { steps, inputs, linked: count };
}

/** The arguments of a step; what its source does not have is left out. */
export function argumentsOf(
  sources: ReadonlyMap<string, Source>,
  inputs: Record<string, unknown>,
  outputs: readonly unknown[],
): Record<string, unknown> {
  const entries = [...sources].map(([parameter, source]) => {
    if (source.from === 'constant') return [parameter, source.value] as const;
    if (source.from === 'output') return [parameter, at(outputs[source.step], source.path)] as const;
    return [parameter, Object.hasOwn(inputs, source.name) ? inputs[source.name] : undefined] as const;
  });
  return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
}
