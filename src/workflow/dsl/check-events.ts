import { parseEvent } from '../events/cloud-event.ts';
import { planOf } from '../events/schedule.ts';
import { strategySchema } from '../events/strategy.ts';
import { isExpression } from './parts.ts';
import type { Schedule, Strategy, Task } from './types.ts';

type Add = (pointer: string, problem: string) => void;

/** What is wrong with the events of a task: patterns without bound, attributes that no event has. */
export function checkEvents(task: Task, at: string, add: Add): void {
  if ('listen' in task) strategy(task.listen.to, `${at}/listen/to`, add);
  if ('emit' in task) {
    const problem = problemOf(() => parseEvent(sample(task.emit.event.with)));
    if (problem !== undefined) add(`${at}/emit/event/with`, problem);
  }
}

/** What is wrong with a schedule, as the scheduler would say it. */
export function checkSchedule(schedule: Schedule | undefined, add: Add): void {
  if (schedule === undefined) return;
  const problem = problemOf(() => planOf('schedule', schedule));
  if (problem !== undefined) add('/schedule', problem);
}

function strategy(to: Strategy, at: string, add: Add): void {
  const read = strategySchema.safeParse(to);
  if (read.success) return;
  for (const { path, message } of read.error.issues.flatMap(leaves)) {
    add([at, ...path.map(String)].join('/'), message);
  }
}

interface Issue {
  path: PropertyKey[];
  message: string;
  code?: string;
  errors?: Issue[][];
}

/** Of the ways that a union could have been meant, the one that fits longest says what is wrong. */
function leaves(issue: Issue): Issue[] {
  const ways = issue.code === 'invalid_union' ? (issue.errors ?? []) : [];
  const deepest = ways
    .map((way) => way.flatMap(leaves))
    .toSorted((left, right) => depth(right) - depth(left))[0];
  return (deepest ?? [issue]).map((one) =>
    one === issue ? one : { ...one, path: [...issue.path, ...one.path] },
  );
}

const depth = (issues: Issue[]) => Math.max(0, ...issues.map(({ path }) => path.length));

/** The event with something in the place of what is computed. */
function sample(attributes: Record<string, unknown>): Record<string, unknown> {
  const literal = Object.entries(attributes).filter(
    ([name, value]) => name !== 'data' && !(typeof value === 'string' && isExpression(value)),
  );
  const names = Object.keys(attributes).filter((name) => !/^[a-z0-9_]+$/.test(name));
  return {
    specversion: '1.0',
    id: 'sample',
    source: '/sample',
    type: 'sample',
    ...Object.fromEntries(names.map((name) => [name, 'sample'])),
    ...Object.fromEntries(literal),
  };
}

function problemOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    const { details, message } = error as Error & { details?: { problem?: string } };
    return details?.problem ?? message;
  }
}
