import type { AnyStateMachine } from 'xstate';
import { type ChartEdge, type ChartNode, walk } from '../../machines/walk.ts';

/** The chart as the text of a Mermaid `stateDiagram-v2`. */
export function chartToMermaid(machine: AnyStateMachine): string {
  const { nodes, edges } = walk(machine);
  const childrenOf = (id: string) => nodes.filter(({ parent }) => parent === id);
  const lines: string[] = ['stateDiagram-v2'];
  const draw = (node: ChartNode, indent: string) => {
    const children = childrenOf(node.id);
    if (children.length === 0) {
      lines.push(`${indent}state "${labelOf(node.key)}" as ${idOf(node.id)}`);
    } else {
      lines.push(`${indent}state "${labelOf(node.key)}" as ${idOf(node.id)} {`);
      inside(node, children, `${indent}  `);
      lines.push(`${indent}}`);
    }
    if (node.type === 'final') lines.push(`${indent}${idOf(node.id)} --> [*]`);
  };
  const inside = (node: ChartNode, children: ChartNode[], indent: string) => {
    if (node.initial !== null) lines.push(`${indent}[*] --> ${idOf(node.initial)}`);
    children.forEach((child, index) => {
      if (node.type === 'parallel' && index > 0) lines.push(`${indent}--`);
      draw(child, indent);
    });
  };
  const [root] = nodes;
  if (root !== undefined) inside(root, childrenOf(root.id), '  ');
  for (const edge of edges) {
    for (const target of edge.to) {
      // Mermaid has no box for the root: what leaves it leaves each of its states.
      const sources =
        edge.from === root?.id ? childrenOf(root.id).filter(({ type }) => type !== 'final') : [edge];
      for (const source of sources) {
        const from = 'from' in source ? source.from : source.id;
        lines.push(`  ${idOf(from)} --> ${idOf(target)}: ${labelOf(textOf(edge))}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

function textOf({ kind, event, delay, guard }: ChartEdge): string {
  const names: Partial<Record<ChartEdge['kind'], string>> = {
    timer: `after ${delay}`,
    always: 'always',
    any: 'any other',
    done: `${event.replace('xstate.done.actor.', '')} done`,
    error: `${event.replace('xstate.error.actor.', '')} failed`,
    'state-done': 'done',
  };
  return `${names[kind] ?? event}${guard ? ` (${guard})` : ''}`;
}

const idOf = (id: string) => id.replace(/\W/g, '_');
const labelOf = (text: string) => text.replace(/[:;"{}[\]]/g, ' ').trim();
