import type { AnyStateMachine } from 'xstate';

/** A chart as `light.ts` runs it: made once, from the chart that XState has read. */

export type Named = string | { type: string; params?: unknown };

export interface Transition {
  guard: Named | undefined;
  actions: Named[];
  /** The states below this one are left; undefined when the transition leaves none. */
  domain: Node | undefined;
  /** States entered, from the outermost in. */
  enters: Node[];
}

export interface Node {
  key: string;
  parent: Node | undefined;
  depth: number;
  isFinal: boolean;
  entry: Named[];
  exit: Named[];
  after: Array<{ delay: string | number; event: { type: string } }>;
  invoke: { src: string; id: string; input: unknown } | undefined;
  /** By event, in the order in which they are tried; `*` stands for all. */
  on: Map<string, Transition[]>;
  state: string;
}

export interface Chart {
  initial: Node[];
  root: Node;
}

const charts = new WeakMap<object, Chart>();

/** @throws TypeError for a chart that needs more than a light actor knows */
export function lightChart(machine: AnyStateMachine): Chart {
  const known = charts.get(machine);
  if (known !== undefined) return known;
  const chart = chartOf(machine);
  charts.set(machine, chart);
  return chart;
}

/** What is used of a state of XState. */
interface StateNode {
  key: string;
  type: string;
  path: string[];
  states: Record<string, StateNode>;
  parent: StateNode | undefined;
  initial: { target: StateNode[]; actions: unknown[] };
  entry: unknown[];
  exit: unknown[];
  always?: unknown[];
  history?: unknown;
  after: Array<{ delay: string | number; eventType: string }>;
  invoke: Array<{ src: unknown; id: string; input: unknown }>;
  config: { onDone?: unknown };
  transitions: Map<
    string,
    Array<{ target?: StateNode[]; guard?: unknown; actions: unknown[]; reenter: boolean }>
  >;
}

function chartOf(machine: AnyStateMachine): Chart {
  const refuse: (what: string) => never = (what) => {
    throw new TypeError(`The chart "${machine.id}" cannot run lightly: ${what}.`);
  };
  for (const action of Object.values(machine.implementations.actions)) {
    const { type } = action as { type?: string };
    if (type !== undefined && type !== 'xstate.assign') refuse(`it has an action of type ${type}`);
  }
  for (const guard of Object.values(machine.implementations.guards)) {
    if (typeof guard !== 'function' || 'check' in guard) refuse('a guard is made of others');
  }
  const nodes = new Map<StateNode, Node>();
  const build = (from: StateNode, parent: Node | undefined): Node => {
    if (from.type === 'parallel' || from.type === 'history') refuse(`a state is of type ${from.type}`);
    if (from.always !== undefined && from.always.length > 0) refuse('it has transitions without event');
    if (from.config.onDone !== undefined) refuse('a state within it has an end of its own');
    if (from.type === 'final' && parent?.parent !== undefined) refuse('a final state is not below the root');
    if (from.invoke.length > 1) refuse('a state invokes more than one actor');
    if (from.type === 'compound') {
      const { target, actions } = from.initial;
      if (target[0]?.parent !== from || actions.length > 0) refuse('a state begins with more than a child');
    }
    const [invoked] = from.invoke;
    if (invoked !== undefined && typeof invoked.src !== 'string') refuse('an actor has no name');
    const node: Node = {
      key: from.key,
      parent,
      depth: from.path.length,
      isFinal: from.type === 'final',
      entry: named(from.entry, refuse),
      exit: named(from.exit, refuse),
      after: [...new Map(from.after.map(({ delay, eventType }) => [eventType, delay]))].map(
        ([type, delay]) => ({
          delay,
          event: { type },
        }),
      ),
      invoke: invoked as Node['invoke'],
      on: new Map(),
      state: from.path.join('.'),
    };
    nodes.set(from, node);
    for (const below of Object.values(from.states)) build(below, node);
    return node;
  };
  const root = build(machine.root as unknown as StateNode, undefined);
  for (const [from, node] of nodes) {
    for (const [event, candidates] of from.transitions) {
      if (event !== '*' && event.includes('*')) refuse(`an event is called ${event}`);
      node.on.set(
        event,
        candidates.map(({ target, guard, actions, reenter }) => {
          if (guard !== undefined && typeof guard !== 'string' && typeof guard !== 'object')
            refuse('a guard has no name');
          const to = target?.[0];
          const shared = { guard: guard as Named | undefined, actions: named(actions, refuse) };
          if (to === undefined) return { ...shared, domain: undefined, enters: [] };
          const goal = nodes.get(to) as Node;
          const domain = domainOf(node, goal, reenter) ?? refuse('its root is entered again');
          return { ...shared, domain, enters: pathTo(to, domain, nodes) };
        }),
      );
    }
  }
  const first = machine.root as unknown as StateNode;
  return { root, initial: [root, ...below(first, nodes)] };
}

/** Actions by name; the timers that XState puts among them are in `after`. */
function named(actions: unknown[], refuse: (what: string) => never): Named[] {
  return actions.flatMap((action): Named[] => {
    if (typeof action === 'string') return [action];
    const { type, params } = action as { type?: unknown; params?: unknown };
    if (type === 'xstate.raise' || type === 'xstate.cancel') return [];
    if (typeof type !== 'string' || typeof action === 'function') return refuse('an action has no name');
    return [{ type, params }];
  });
}

/** The state that stays when a transition is taken (SCXML 3.13). */
function domainOf(source: Node, goal: Node, reenter: boolean): Node | undefined {
  if (!reenter && (goal === source || isBelow(goal, source))) return source;
  for (let at = source.parent; at !== undefined; at = at.parent) if (isBelow(goal, at)) return at;
  return undefined;
}

function isBelow(node: Node, above: Node): boolean {
  for (let at = node.parent; at !== undefined; at = at.parent) if (at === above) return true;
  return false;
}

function pathTo(to: StateNode, domain: Node, nodes: Map<StateNode, Node>): Node[] {
  const path: Node[] = [];
  for (let at: StateNode | undefined = to; at !== undefined && nodes.get(at) !== domain; at = at.parent) {
    path.unshift(nodes.get(at) as Node);
  }
  return [...path, ...below(to, nodes)];
}

/** The states that are entered with this one. */
function below(from: StateNode, nodes: Map<StateNode, Node>): Node[] {
  const next = from.type === 'compound' ? from.initial.target[0] : undefined;
  if (next === undefined) return [];
  return [nodes.get(next) as Node, ...below(next, nodes)];
}
