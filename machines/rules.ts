import type { AnyStateMachine } from 'xstate';
import { type Chart, type ChartEdge, type ChartNode, walk } from './walk.ts';

/** What a chart does against the house rules; empty if it keeps them. Each entry names state and rule. */
export function checkMachine(machine: AnyStateMachine): string[] {
  const chart = walk(machine);
  return [
    ...checkNames(machine, chart),
    ...checkStates(chart),
    ...checkInvokes(chart),
    ...checkReach(chart),
    ...checkRoot(machine, chart),
  ];
}

function checkNames(machine: AnyStateMachine, { nodes, edges }: Chart): string[] {
  const used: Record<'actions' | 'guards' | 'actors' | 'delays', Set<string>> = {
    actions: new Set(),
    guards: new Set(),
    actors: new Set(),
    delays: new Set(),
  };
  const problems: string[] = [];
  const use = (kind: keyof typeof used, name: string | null, where: string) => {
    if (name === null) problems.push(`${where}: an inline one among its ${kind}`);
    else used[kind].add(name);
  };
  for (const node of nodes) {
    for (const action of node.actions) use('actions', action, node.id);
    for (const { src } of node.invokes) use('actors', src, node.id);
  }
  for (const edge of edges) {
    for (const action of edge.actions) use('actions', action, edge.id);
    if (edge.guard !== undefined) use('guards', edge.guard, edge.id);
    if (edge.delay !== undefined) use('delays', /^\d+$/.test(edge.delay) ? null : edge.delay, edge.id);
  }
  for (const kind of ['actions', 'guards', 'actors', 'delays'] as const) {
    const provided = Object.keys(machine.implementations[kind]);
    for (const name of used[kind]) {
      if (!provided.includes(name)) problems.push(`${machine.id}: ${kind} "${name}" is not provided`);
    }
    for (const name of provided) {
      // Spawned actors are named inside an action, out of sight of a walk.
      if (kind === 'actors' && hasSpawn(machine)) continue;
      if (!used[kind].has(name)) problems.push(`${machine.id}: ${kind} "${name}" is not used`);
    }
  }
  return problems;
}

function hasSpawn(machine: AnyStateMachine): boolean {
  return Object.values(machine.implementations.actions).some(
    (action) => (action as { type?: string } | undefined)?.type === 'xstate.spawnChild',
  );
}

function checkStates(chart: Chart): string[] {
  const problems: string[] = [];
  const ids = chart.nodes.map(({ id }) => id);
  for (const id of new Set(ids.filter((id, index) => ids.indexOf(id) !== index))) {
    problems.push(`${id}: the id is not unique`);
  }
  for (const node of chart.nodes) {
    if (!node.description) problems.push(`${node.id}: no description`);
    if (node.type === 'final' || node.type === 'history') continue;
    if (chart.nodes.some(({ parent }) => parent === node.id)) continue;
    const exits = exitsOf(chart, node);
    if (exits.length === 0) problems.push(`${node.id}: cannot be left`);
    else if (exits.every(({ kind }) => kind === 'done' || kind === 'error') && !hearsCancel(chart, node)) {
      problems.push(`${node.id}: may wait for ever; it needs a timer or a cancel`);
    }
  }
  return problems;
}

/** Transitions of the state or its ancestors that lead out of the state. */
function exitsOf(chart: Chart, node: ChartNode): ChartEdge[] {
  return lineOf(chart, node).flatMap((ancestor) =>
    chart.edges.filter(({ from, to }) => from === ancestor.id && to.some((target) => target !== node.id)),
  );
}

function hearsCancel(chart: Chart, node: ChartNode): boolean {
  const line = lineOf(chart, node).map(({ id }) => id);
  return chart.edges.some(
    ({ from, event, actions }) =>
      line.includes(from) && event === 'CANCEL' && actions.some((name) => name?.startsWith('stop')),
  );
}

/** The state and its ancestors, from the inside out. */
function lineOf(chart: Chart, node: ChartNode): ChartNode[] {
  const parent = chart.nodes.find(({ id }) => id === node.parent);
  return parent === undefined ? [node] : [node, ...lineOf(chart, parent)];
}

function checkInvokes({ nodes, edges }: Chart): string[] {
  return nodes.flatMap((node) =>
    node.invokes
      .filter(
        ({ id }) => !edges.some((edge) => edge.from === node.id && edge.event === `xstate.error.actor.${id}`),
      )
      .map(({ id }) => `${node.id}: the invoke "${id}" has no onError`),
  );
}

function checkReach(chart: Chart): string[] {
  const reached = new Set<string>();
  const enter = (id: string) => {
    const node = chart.nodes.find((candidate) => candidate.id === id);
    if (node === undefined || reached.has(id)) return;
    reached.add(id);
    if (node.parent !== null) reachParent(node.parent);
    if (node.initial !== null) enter(node.initial);
    if (node.type === 'parallel') {
      for (const child of chart.nodes) if (child.parent === id) enter(child.id);
    }
    for (const edge of chart.edges) if (edge.from === id) edge.to.forEach(enter);
  };
  // Entering a child does not enter its parent's initial state.
  const reachParent = (id: string) => {
    if (reached.has(id)) return;
    reached.add(id);
    const node = chart.nodes.find((candidate) => candidate.id === id);
    for (const edge of chart.edges) if (edge.from === id) edge.to.forEach(enter);
    if (node?.parent) reachParent(node.parent);
  };
  enter(chart.nodes[0]?.id ?? '');
  return chart.nodes.filter(({ id }) => !reached.has(id)).map(({ id }) => `${id}: cannot be reached`);
}

function checkRoot(machine: AnyStateMachine, chart: Chart): string[] {
  const problems: string[] = [];
  const { maxIterations } = (machine.config as { options?: { maxIterations?: number } }).options ?? {};
  if (maxIterations === undefined || !Number.isFinite(maxIterations)) {
    problems.push(`${machine.id}: no maxIterations`);
  }
  const any = chart.edges.find(({ from, kind }) => from === machine.root.id && kind === 'any');
  if (any === undefined || any.actions.length === 0) {
    problems.push(`${machine.id}: the root does not count events that nothing takes ('*')`);
  }
  return problems;
}
