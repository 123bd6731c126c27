import type { Task, TaskList } from './types.ts';

/** Name and task of each entry of a list, with its JSON Pointer; the list starts with entry `first` of its place. */
export function entries(
  list: TaskList,
  pointer: string,
  first = 0,
): Array<{ name: string; task: Task; pointer: string }> {
  return list.map((entry, index) => {
    const [name, task] = Object.entries(entry)[0] as [string, Task];
    return { name, task, pointer: `${pointer}/${first + index}/${token(name)}` };
  });
}

/** A name as a token of a JSON Pointer (RFC 6901). */
export const token = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** A list of tasks inside a task, the place of its first task, and the name of its scope there. */
export interface Body {
  list: TaskList;
  place: string;
  first: number;
  scope: string;
}

/** The scopes inside a task; each branch of a fork is one of its own. */
export function bodies(task: Task): Body[] {
  const whole = (list: TaskList, place: string): Body => ({ list, place, first: 0, scope: place });
  if ('for' in task) return [whole(task.do, 'do')];
  if ('try' in task) {
    return [whole(task.try, 'try'), ...(task.catch.do ? [whole(task.catch.do, 'catch/do')] : [])];
  }
  if ('fork' in task) {
    return task.fork.branches.map((branch, first) => ({
      list: [branch],
      place: 'fork/branches',
      first,
      scope: `fork/branches/${first}`,
    }));
  }
  if ('listen' in task) return task.foreach?.do === undefined ? [] : [whole(task.foreach.do, 'foreach/do')];
  return 'do' in task ? [whole(task.do, 'do')] : [];
}

export type TaskIndex = ReadonlyMap<string, { name: string; task: Task }>;

/** All tasks of a list and of the scopes inside it, by their JSON Pointer. */
export function indexTasks(
  list: TaskList,
  pointer: string,
  index = new Map<string, { name: string; task: Task }>(),
  first = 0,
): Map<string, { name: string; task: Task }> {
  for (const { name, task, pointer: at } of entries(list, pointer, first)) {
    index.set(at, { name, task });
    for (const body of bodies(task)) indexTasks(body.list, `${at}/${body.place}`, index, body.first);
  }
  return index;
}
