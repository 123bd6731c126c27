import { type AnyStateMachine, StateMachine } from 'xstate';
import { type ChartEdge, type ChartNode, walk } from '../../machines/walk.ts';

export interface MermaidOptions {
  /** Whether the chart of an invoked machine is drawn inside the state that invokes it. */
  inside?: (src: string) => boolean;
}

/** The chart as the text of a Mermaid `stateDiagram-v2`. */
export function chartToMermaid(machine: AnyStateMachine, options: MermaidOptions = {}): string {
  return `${['stateDiagram-v2', ...linesOf(machine, options, { prefix: '', indent: '  ' })].join('\n')}\n`;
}

/** The lines of one chart; `prefix` keeps its states apart from those of the chart around it. */
function linesOf(
  machine: AnyStateMachine,
  options: MermaidOptions,
  { prefix, indent: first }: { prefix: string; indent: string },
): string[] {
  const { nodes, edges } = walk(machine);
  const childrenOf = (id: string) => nodes.filter(({ parent }) => parent === id);
  const idOf = (id: string) => `${prefix}${id.replace(/\W/g, '_')}`;
  const lines: string[] = [];
  const draw = (node: ChartNode, indent: string) => {
    const body = [
      ...(childrenOf(node.id).length > 0 ? inside(node, `${indent}  `) : []),
      ...innerOf(machine, node, options).flatMap((inner, index) =>
        linesOf(inner, options, { prefix: `${idOf(node.id)}_${index}_`, indent: `${indent}  ` }),
      ),
    ];
    const state = `${indent}state "${labelOf(node.key)}" as ${idOf(node.id)}`;
    const final = node.type === 'final' ? [`${indent}${idOf(node.id)} --> [*]`] : [];
    return body.length === 0 ? [state, ...final] : [`${state} {`, ...body, `${indent}}`, ...final];
  };
  const inside = (node: ChartNode, indent: string): string[] => [
    ...(node.initial === null ? [] : [`${indent}[*] --> ${idOf(node.initial)}`]),
    ...childrenOf(node.id).flatMap((child, index) => [
      ...(node.type === 'parallel' && index > 0 ? [`${indent}--`] : []),
      ...draw(child, indent),
    ]),
  ];
  const [root] = nodes;
  if (root !== undefined) lines.push(...inside(root, first));
  for (const edge of edges) {
    // Mermaid has no box for the root: what leaves it leaves each of its states.
    const sources =
      edge.from === root?.id
        ? childrenOf(root.id)
            .filter(({ type }) => type !== 'final')
            .map(({ id }) => id)
        : [edge.from];
    for (const target of edge.to) {
      for (const from of sources)
        lines.push(`${first}${idOf(from)} --> ${idOf(target)}: ${labelOf(textOf(edge))}`);
    }
  }
  return lines;
}

function innerOf(machine: AnyStateMachine, node: ChartNode, { inside }: MermaidOptions): AnyStateMachine[] {
  return node.invokes
    .filter(({ src }) => src !== null && inside?.(src) === true)
    .map(({ src }) => machine.implementations.actors[src as string])
    .filter((actor): actor is AnyStateMachine => actor instanceof StateMachine);
}

function textOf({ kind, event, delay, guard }: ChartEdge): string {
  const names: Partial<Record<ChartEdge['kind'], string>> = {
    timer: `after ${delay}`,
    always: 'always',
    any: 'any other',
    done: `${effectOf(event)} done`,
    error: `${effectOf(event)} failed`,
    'state-done': 'done',
  };
  return `${names[kind] ?? event}${guard ? ` (${guard})` : ''}`;
}

/** The id of the invoke, unless XState made it up from the state's. */
function effectOf(event: string): string {
  const id = event.replace(/^xstate\.(done|error)\.actor\./, '');
  return /^\d+\./.test(id) ? '' : id;
}

const labelOf = (text: string) => text.replace(/[:;"{}[\]]/g, ' ').trim();
