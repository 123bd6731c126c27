import { bodies } from '../dsl/scopes.ts';
import type { Task } from '../dsl/types.ts';
import type { Config } from './types.ts';

/** A task's name as the key of its state: a leading # would be an id as the target of an edge. */
export const keyOf = (name: string): string =>
  /^[#%]/.test(name) ? encodeURIComponent(name[0] as string) + name.slice(1) : name;

/** A task's name as the target of an edge: a dot would be a path. */
const stateOf = (name: string): string => keyOf(name).replace(/[\\.]/g, '\\$&');

/** Where the flow goes after a task: one guarded edge for each possible target, so that the chart shows all. */
export function flow(name: string, task: Task, next: string | undefined): Config[] {
  const following = next === undefined ? '#done' : stateOf(next);
  const target = (directive: string): string => {
    if (directive === 'continue') return following;
    if (directive === 'exit') return '#exit';
    return directive === 'end' ? '#end' : stateOf(directive);
  };
  const own = target(task.then ?? 'continue');
  const cases =
    'switch' in task ? task.switch.flatMap((one) => Object.values(one).map(({ then }) => then)) : [];
  const caught = 'try' in task ? task.catch.then : undefined;
  const edges: Config[] = [
    ...(task.if === undefined ? [] : [{ guard: 'wasSkipped', target: following }]),
    ...(bodies(task).length === 0 || 'fork' in task ? [] : [{ guard: 'bodyEndedAll', target: '#end' }]),
    ...(caught === undefined ? [] : [{ guard: 'wasCaught', target: target(caught) }]),
    ...[...new Set(cases)].map((then) => ({
      guard: { type: 'chose', params: { then } },
      target: target(then),
    })),
    { target: own },
  ];
  // A task that goes to itself begins anew: another step, with the data that it gave.
  return edges.map((edge) => (edge.target === stateOf(name) ? { ...edge, reenter: true } : edge));
}
