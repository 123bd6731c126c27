/** Tasks whose agent is remembered; the oldest are forgotten and asked for at the pool again. */
const MAX_ROUTES = 10_000;

/**
 * Where a requester sends what is about a task: to the agent that said it has it, the last one that did
 * (profile 0.1, shared dispatch and handover).
 */
export class Routes {
  readonly #byTask = new Map<string, string>();
  readonly #isAway: (agent: string) => boolean;

  constructor(isAway: (agent: string) => boolean) {
    this.#isAway = isAway;
  }

  /** `target` is the agent or pool that was addressed; it is asked again when the task's agent is away. */
  to(target: string, taskId: string): string {
    const agent = this.#byTask.get(`${target} ${taskId}`);
    return agent === undefined || this.#isAway(agent) ? target : agent;
  }

  /** Notes who answered for a task; true when that was another one before. */
  note(target: string, taskId: string, responder: string | undefined): boolean {
    if (responder === undefined || taskId === '' || !isNear(target, responder)) return false;
    const key = `${target} ${taskId}`;
    const before = this.#byTask.get(key);
    this.#byTask.delete(key);
    this.#byTask.set(key, responder);
    if (this.#byTask.size > MAX_ROUTES) {
      const [oldest] = this.#byTask.keys();
      if (oldest !== undefined) this.#byTask.delete(oldest);
    }
    return before !== undefined && before !== responder;
  }
}

/** Nobody hands a task over to another organisation or unit (profile 0.1: pools end at the unit). */
function isNear(target: string, responder: string): boolean {
  const [org, unit] = target.split('/');
  return responder.startsWith(`${org}/${unit}/`) && responder.split('/').length === 3;
}
