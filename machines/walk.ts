import type { AnyStateMachine, AnyStateNode } from 'xstate';

export type EdgeKind = 'event' | 'any' | 'timer' | 'done' | 'error' | 'state-done' | 'always';

export interface ChartNode {
  id: string;
  key: string;
  parent: string | null;
  type: 'atomic' | 'compound' | 'parallel' | 'final' | 'history';
  initial: string | null;
  description: string | undefined;
  /** Names of entry and exit actions; an inline one is `null`. */
  actions: (string | null)[];
  invokes: { id: string; src: string | null }[];
}

export interface ChartEdge {
  /** Unique within the chart, stable while the chart is. */
  id: string;
  from: string;
  /** Empty for an internal transition. */
  to: string[];
  kind: EdgeKind;
  event: string;
  /** Name of the delay, of a timer. */
  delay: string | undefined;
  /** An inline guard is `null`. */
  guard: string | null | undefined;
  actions: (string | null)[];
}

export interface Chart {
  id: string;
  nodes: ChartNode[];
  edges: ChartEdge[];
}

/** The actions by which XState itself makes timers out of `after`. */
const OF_TIMERS = new Set(['xstate.raise', 'xstate.cancel']);

/** All states and transitions of a machine, in the order of the document. Loses nothing that can be drawn. */
export function walk(machine: AnyStateMachine): Chart {
  const nodes: ChartNode[] = [];
  const edges: ChartEdge[] = [];
  const visit = (node: AnyStateNode) => {
    nodes.push({
      id: node.id,
      key: node.key,
      parent: node.parent?.id ?? null,
      type: node.type,
      initial: node.type === 'compound' ? (node.initial?.target[0]?.id ?? null) : null,
      description: node.description,
      actions: namesOf([...node.entry, ...node.exit]),
      invokes: node.invoke.map(({ id, src }) => ({ id, src: nameOf(src) })),
    });
    edges.push(...edgesOf(node));
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return { id: machine.id, nodes, edges };
}

/** The id of an edge as `walk` gives it, of a transition that was taken. */
export function edgeId(from: AnyStateNode, event: string, index: number): string {
  return `${from.id}|${event}|${index}`;
}

function edgesOf(node: AnyStateNode): ChartEdge[] {
  const lists: [string, readonly Transition[]][] = [
    ...(node.transitions as Map<string, readonly Transition[]>),
    ['', (node.always ?? []) as readonly Transition[]],
  ];
  return lists.flatMap(([event, list]) =>
    list.map((transition, index) => ({
      id: edgeId(node, event, index),
      from: node.id,
      to: (transition.target ?? []).map(({ id }) => id),
      ...kindOf(event),
      event,
      guard: transition.guard === undefined ? undefined : nameOf(transition.guard),
      actions: namesOf(transition.actions),
    })),
  );
}

interface Transition {
  target?: readonly AnyStateNode[] | undefined;
  guard?: unknown;
  actions: readonly unknown[];
}

function kindOf(event: string): { kind: EdgeKind; delay: string | undefined } {
  const timer = /^xstate\.after\.([^.]+)\./.exec(event);
  if (timer !== null) return { kind: 'timer', delay: timer[1] };
  const kind = (
    [
      ['xstate.done.actor.', 'done'],
      ['xstate.error.actor.', 'error'],
      ['xstate.done.state.', 'state-done'],
    ] as const
  ).find(([prefix]) => event.startsWith(prefix))?.[1];
  if (kind !== undefined) return { kind, delay: undefined };
  return { kind: event === '' ? 'always' : event === '*' ? 'any' : 'event', delay: undefined };
}

function namesOf(actions: readonly unknown[]): (string | null)[] {
  return actions.map(nameOf).filter((name) => name === null || !OF_TIMERS.has(name));
}

/** The name under which something is used; XState's own actions and inline functions differ only in `type`. */
function nameOf(used: unknown): string | null {
  if (typeof used === 'string') return used.startsWith('xstate.invoke.') ? null : used;
  if (typeof used === 'object' && used !== null && 'type' in used && typeof used.type === 'string') {
    return used.type;
  }
  if (typeof used === 'function' && 'type' in used && OF_TIMERS.has(String(used.type))) {
    return String(used.type);
  }
  return null;
}
