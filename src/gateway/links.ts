/** What is known of a task that was handed to an agent elsewhere. */
export interface BroughtTask {
  /** Whose task it is on the bus. */
  scope: string;
  /** Ids that the agent's server made; absent until it has answered. */
  theirs?: { taskId: string; contextId: string };
  /** Ids of the messages handed over: none is sent twice. */
  sent: string[];
}

/**
 * Our ids and theirs, by key. What `put` has taken must be there after a restart, if tasks are to go on
 * then; a collection of the store is such a port.
 */
export interface TaskLinks {
  get(key: string): BroughtTask | undefined | Promise<BroughtTask | undefined>;
  put(key: string, link: BroughtTask): void | Promise<void>;
}

const MEMORY_LINKS = 10_000;

/** Links that end with the process; the oldest go when there are too many. */
export function memoryTaskLinks(limit = MEMORY_LINKS): TaskLinks {
  const links = new Map<string, BroughtTask>();
  return {
    get: (key) => links.get(key),
    put(key, link) {
      links.delete(key);
      links.set(key, link);
      const oldest = links.keys().next();
      if (links.size > limit && !oldest.done) links.delete(oldest.value);
    },
  };
}

export const taskKey = (taskId: string) => `task/${taskId}`;
/** Contexts are told apart by owner: one owner's conversation is no other's. */
export const contextKey = (scope: string, contextId: string) => `context/${scope}/${contextId}`;
