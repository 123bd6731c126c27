import { type Message, Role, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import {
  type AgentExecutionEvent,
  type AgentExecutor,
  RequestContext,
  ServerCallContext,
  STATE_HEADERS_KEY,
} from '@a2a-js/sdk/server';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { failBus } from '../../errors.ts';
import type { Admitted } from './admit.ts';
import { scopeOf, setTurn } from './context.ts';
import { TurnBus } from './event-bus.ts';
import { isAtRest, isTerminal } from './fold.ts';
import type { LoggedEvent, TaskLedger } from './ledger.ts';
import type { TaskRun } from './run.ts';

const CANCEL_GRACE_MS = 10_000;
/** A stream whose executor says nothing shows the accepted task after this, ms. */
const FIRST_ITEM_MS = 500;

export interface TurnsOptions {
  env: Env;
  executor: AgentExecutor;
  ledger: TaskLedger;
  cancelGraceMs?: number | undefined;
  /** The run of this task now: an executor may speak after the run that it began in was put away. */
  current(run: TaskRun): TaskRun;
}

/** The turns of tasks: an accepted message, the executor at work on it, and how it ends. */
export class Turns {
  readonly #options: TurnsOptions;
  #time = { now: Number.NaN, text: '' };

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  empty(message: Message): Task {
    const contextId = message.contextId === '' ? this.#options.env.ids.uuid() : message.contextId;
    return {
      id: message.taskId,
      contextId,
      status: undefined,
      artifacts: [],
      history: [],
      metadata: undefined,
    };
  }

  /**
   * Accepts a message: the task with it is durable, then `accepted` runs, then the executor. Rejects, and
   * keeps nothing of a new task, if the ledger does.
   */
  async begin(
    run: TaskRun,
    { params, message }: Admitted,
    context: ServerCallContext,
    accepted: () => Promise<void>,
  ): Promise<void> {
    const before = run.record.task;
    const taken = { ...message, contextId: before.contextId };
    run.executing = true;
    const seq = run.append({
      payload: {
        $case: 'task',
        value: {
          ...before,
          status: this.#status(TaskState.TASK_STATE_SUBMITTED),
          history: [...before.history, taken],
        },
      },
    });
    run.turnFrom = seq ?? run.turnFrom;
    try {
      await run.durable(run.turnFrom);
    } catch (error) {
      run.executing = false;
      const problem = error instanceof Error ? error.message : String(error);
      throw failBus('BUS_LEDGER_UNAVAILABLE', { task: run.record.id, problem }, { cause: error });
    }
    try {
      await accepted();
    } catch (error) {
      this.end(run, TaskState.TASK_STATE_REJECTED, error instanceof Error ? error.message : String(error));
      run.release();
      return;
    }
    const known = before.status === undefined ? undefined : run.record.task;
    this.#execute(run, { ...params, message: taken }, context, known, false);
  }

  /** Runs the last message of a task again whose process died under it. */
  again(run: TaskRun): void {
    const { task, tenant, owner } = run.record;
    const message = task.history.findLast(({ role }) => role === Role.ROLE_USER);
    if (message === undefined) {
      this.end(run, TaskState.TASK_STATE_FAILED, 'The task has no message to run again.');
      return;
    }
    const context = new ServerCallContext({
      user: { isAuthenticated: false, userName: owner },
      tenant,
      state: new Map([[STATE_HEADERS_KEY, {}]]),
    });
    run.executing = true;
    run.turnFrom = run.record.seq;
    const params = { tenant, message, configuration: undefined, metadata: undefined };
    this.#execute(run, params, context, task, true);
  }

  /** Ends the task, unless it is over. */
  end(run: TaskRun, state: TaskState, text: string): void {
    run.append(this.#update(run, state, text));
  }

  /** Resolves when the task is over. What was accepted before stays; what comes later is dropped. */
  async cancel(run: TaskRun): Promise<void> {
    const { executor, env } = this.#options;
    if (run.over) return run.durable();
    const first = !run.record.cancelling;
    run.cancelling();
    await run.durable();
    run.abort.abort(new Error('The task was cancelled.'));
    const over = drained(run);
    if (first && !run.over) {
      const force = () => this.end(run, TaskState.TASK_STATE_CANCELED, 'Cancelled.');
      const timer = env.clock.setTimeout(force, this.#options.cancelGraceMs ?? CANCEL_GRACE_MS);
      executor
        .cancelTask(run.record.id, new TurnBus((event) => this.#publish(run, event)))
        .catch((error) => this.#report(run, error))
        .finally(() => {
          // With nobody at work there is nothing to wait for.
          if (!run.executing) force();
        });
      over.finally(() => env.clock.clearTimeout(timer));
    }
    await over;
  }

  /**
   * What a stream shows of a turn: a direct answer has no task before it, so the accepted task is held
   * back until the executor has said something, or for half a second.
   */
  async *visible(run: TaskRun, after: number): AsyncGenerator<LoggedEvent, void, undefined> {
    for await (const event of run.watch(after)) {
      if (event.seq === run.turnFrom) await run.moved(FIRST_ITEM_MS);
      const next = event.seq === run.turnFrom ? run.itemAt(event.seq + 1) : undefined;
      if (next?.payload?.$case !== 'message') yield event;
    }
  }

  #execute(
    run: TaskRun,
    request: RequestContext['request'],
    context: ServerCallContext,
    task: Task | undefined,
    recovered: boolean,
  ): void {
    const { executor, ledger } = this.#options;
    const message = request.message as Message;
    setTurn(context, () => run.abort.signal, recovered);
    const scope = scopeOf(context);
    const references = message.referenceTaskIds.flatMap((id) => ledger.load(scope, id)?.task ?? []);
    const turn = turnOf(
      request,
      run.record.id,
      run.record.task.contextId,
      context,
      task,
      references.length === 0 ? undefined : references,
    );
    const bus = new TurnBus((event) => this.#publish(run, event));
    const finish = (error?: unknown) => {
      if (error !== undefined) {
        this.#report(run, error);
        const text = error instanceof NetAgentError ? error.message : 'The agent failed at this task.';
        this.end(run, TaskState.TASK_STATE_FAILED, text);
      } else if (!isAtRest(run.record.task.status?.state)) {
        const cancelled = run.record.cancelling;
        const state = cancelled ? TaskState.TASK_STATE_CANCELED : TaskState.TASK_STATE_FAILED;
        this.end(run, state, cancelled ? 'Cancelled.' : 'The agent ended its work without a result.');
      }
      run.release();
      bus.finished();
    };
    try {
      executor.execute(turn, bus).then(
        () => finish(),
        (error) => finish(error ?? new Error('unknown')),
      );
    } catch (error) {
      finish(error);
    }
  }

  #publish(begunIn: TaskRun, event: AgentExecutionEvent): void {
    const run = this.#options.current(begunIn);
    if (event.kind === 'task') run.show();
    for (const item of this.#items(run, event)) {
      const state = item.payload?.$case === 'statusUpdate' ? item.payload.value.status?.state : undefined;
      if (run.record.cancelling && (isAtRest(state) || item.payload?.$case === 'message')) {
        if (state === TaskState.TASK_STATE_FAILED || state === TaskState.TASK_STATE_CANCELED) {
          run.append(item);
        } else {
          run.late += 1;
          if (isTerminal(state)) this.end(run, TaskState.TASK_STATE_CANCELED, 'Cancelled.');
        }
        continue;
      }
      run.append(item);
    }
  }

  /** A `task` event of an executor says what it adds to the task that the log has already. */
  #items(run: TaskRun, event: AgentExecutionEvent): StreamResponse[] {
    const { id: taskId, contextId, artifacts, status } = run.record.task;
    switch (event.kind) {
      case 'message': {
        const message = { ...event.data, taskId, contextId };
        if (!run.shown) return [{ payload: { $case: 'message', value: message } }];
        // A2A 3.1.2: a stream that began with a task goes on with its updates.
        const completed = { ...this.#status(TaskState.TASK_STATE_COMPLETED), message };
        const value = { taskId, contextId, status: completed, metadata: undefined };
        return [{ payload: { $case: 'statusUpdate', value } }];
      }
      case 'statusUpdate': {
        const next = { ...this.#status(TaskState.TASK_STATE_WORKING), ...event.data.status };
        next.timestamp ??= this.#now();
        return [
          { payload: { $case: 'statusUpdate', value: { ...event.data, taskId, contextId, status: next } } },
        ];
      }
      case 'artifactUpdate':
        return [{ payload: { $case: 'artifactUpdate', value: { ...event.data, taskId, contextId } } }];
      case 'task': {
        const added = event.data.artifacts.filter(
          ({ artifactId }) => !artifacts.some((known) => known.artifactId === artifactId),
        );
        const state = event.data.status?.state ?? TaskState.TASK_STATE_UNSPECIFIED;
        const says = state !== TaskState.TASK_STATE_UNSPECIFIED && state !== TaskState.TASK_STATE_SUBMITTED;
        const moved = says && (state !== status?.state || event.data.status?.message !== undefined);
        return [
          ...added.map(
            (artifact): StreamResponse => ({
              payload: {
                $case: 'artifactUpdate',
                value: { taskId, contextId, artifact, append: false, lastChunk: true, metadata: undefined },
              },
            }),
          ),
          ...(moved
            ? this.#items(run, {
                kind: 'statusUpdate',
                data: { taskId, contextId, status: event.data.status, metadata: event.data.metadata },
              })
            : []),
        ];
      }
    }
  }

  #update(run: TaskRun, state: TaskState, text: string): StreamResponse {
    const { id: taskId, contextId } = run.record.task;
    const message: Message = {
      messageId: this.#options.env.ids.uuid(),
      contextId,
      taskId,
      role: Role.ROLE_AGENT,
      parts: [
        {
          content: { $case: 'text', value: text },
          mediaType: 'text/plain',
          filename: '',
          metadata: undefined,
        },
      ],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    };
    const status = { ...this.#status(state), message };
    return { payload: { $case: 'statusUpdate', value: { taskId, contextId, status, metadata: undefined } } };
  }

  #status(state: TaskState) {
    return { state, message: undefined, timestamp: this.#now() as string | undefined };
  }

  #now(): string {
    const now = this.#options.env.clock.now();
    if (now !== this.#time.now) this.#time = { now, text: new Date(now).toISOString() };
    return this.#time.text;
  }

  #report(run: TaskRun, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    this.#options.env.log.error({ task: run.record.id, problem }, 'an executor failed');
  }
}

/** The SDK's own copy of the request takes longer than all the rest of a turn. */
function turnOf(request: RequestContext['request'], ...rest: RestOf<typeof RequestContext>): RequestContext {
  const turn = new RequestContext(NO_REQUEST, ...rest);
  return Object.assign(turn, { request: copyOf(request) });
}

type RestOf<C extends abstract new (...args: never[]) => unknown> =
  ConstructorParameters<C> extends [unknown, ...infer Rest] ? Rest : never;

const NO_REQUEST = { tenant: '', message: {}, configuration: undefined, metadata: undefined } as never;

/** A deep copy of what JSON and bytes can hold, so that an executor changes nothing of the log. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyOf) as T;
  if (value instanceof Uint8Array) return Buffer.from(value) as T;
  if (value instanceof Date) return new Date(value) as T;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const item = copyOf((value as Record<string, unknown>)[key]);
    if (key !== '__proto__') copy[key] = item;
    else Object.defineProperty(copy, key, { value: item, enumerable: true });
  }
  return copy as T;
}

/** Resolves when the end of the task is durable. */
async function drained(run: TaskRun): Promise<void> {
  let after = run.committed.seq;
  while (!isTerminal(run.committed.task.status?.state)) {
    for await (const { seq } of run.watch(after)) after = seq;
  }
}
