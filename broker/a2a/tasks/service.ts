import {
  type AgentCard,
  type CancelTaskRequest,
  type DeleteTaskPushNotificationConfigRequest,
  type GetExtendedAgentCardRequest,
  type GetTaskPushNotificationConfigRequest,
  type GetTaskRequest,
  type ListTaskPushNotificationConfigsRequest,
  type ListTaskPushNotificationConfigsResponse,
  type ListTasksRequest,
  type ListTasksResponse,
  type Message,
  type SendMessageRequest,
  type StreamResponse,
  type SubscribeToTaskRequest,
  type Task,
  type TaskPushNotificationConfig,
  TaskState,
} from '@a2a-js/sdk';
import {
  ExtendedAgentCardNotConfiguredError,
  PushNotificationNotSupportedError,
  RequestMalformedError,
  TaskNotCancelableError,
  TaskNotFoundError,
  UnsupportedOperationError,
} from '@a2a-js/sdk/errors';
import type { A2ARequestHandler, AgentExecutor, ServerCallContext } from '@a2a-js/sdk/server';
import type { Env } from '../../../machines/ports.ts';
import { PROPERTY } from '../properties.ts';
import { admit, requireSame } from './admit.ts';
import { propertyOf, scopeOf, setFailure, setSeq } from './context.ts';
import { isAtRest, isTerminal, withHistory } from './fold.ts';
import { scopeKey, type TaskLedger, type TaskRecord, type TaskScope } from './ledger.ts';
import { TaskRun } from './run.ts';
import { Turns } from './turns.ts';

/** Push configurations and their delivery; told of every commit of a task. */
export interface PushPort {
  create(scope: TaskScope, config: TaskPushNotificationConfig): Promise<TaskPushNotificationConfig>;
  get(scope: TaskScope, taskId: string, id: string): Promise<TaskPushNotificationConfig | undefined>;
  list(scope: TaskScope, taskId: string): Promise<TaskPushNotificationConfig[]>;
  delete(scope: TaskScope, taskId: string, id: string): Promise<void>;
  committed(record: TaskRecord): void;
}

export interface TaskServiceOptions {
  env: Env;
  card: () => AgentCard;
  executor: AgentExecutor;
  ledger: TaskLedger;
  push?: PushPort | undefined;
  /** The card for this caller; undefined if there is none for it. */
  extendedCard?: ((context: ServerCallContext) => AgentCard | undefined) | undefined;
  /** How long a cancelled executor may take to clean up before the task ends as canceled anyway, ms. */
  cancelGraceMs?: number | undefined;
  /** Hears of tasks that came to rest. */
  onRest?: ((taskId: string) => void) | undefined;
}

/** What a task that the process died under becomes at the next start. */
export type Recovery = 'rerun' | 'fail';

/**
 * The 11 operations of A2A 1.0 over one event log a task. Over MQTT the requester makes the ids, so an
 * unknown task id in a message starts a task; the same message again joins it or gets what is stored.
 */
export class TaskService implements A2ARequestHandler {
  readonly #options: TaskServiceOptions;
  readonly #runs = new Map<string, TaskRun>();
  readonly #turns: Turns;

  constructor(options: TaskServiceOptions) {
    this.#options = options;
    this.#turns = new Turns({
      ...options,
      current: ({ record }) => {
        const known = this.#runs.get(scopeKey(record, record.id));
        return known ?? this.#runOf(options.ledger.load(record, record.id) ?? record);
      },
    });
  }

  /** Tasks at work now. */
  get open(): number {
    let open = 0;
    for (const run of this.#runs.values()) if (run.executing) open += 1;
    return open;
  }

  /** Ids of the tasks at work now. */
  *running(): Generator<string> {
    for (const run of this.#runs.values()) if (run.executing) yield run.record.id;
  }

  /** Takes up what a killed process left: run again under the same ids, or ended with the reason. */
  recover(policy: (record: TaskRecord) => Recovery): number {
    const left = this.#options.ledger
      .open()
      .filter((record) => this.#runs.get(scopeKey(record, record.id))?.executing !== true);
    for (const record of left) {
      const run = this.#runOf(record);
      if (record.cancelling) this.#turns.end(run, TaskState.TASK_STATE_CANCELED, 'Cancelled.');
      else if (policy(record) === 'rerun') this.#turns.again(run);
      else {
        this.#turns.end(
          run,
          TaskState.TASK_STATE_FAILED,
          'The agent was stopped at this task and does not take it up again; send the request again.',
        );
      }
    }
    return left.length;
  }

  getAgentCard(): Promise<AgentCard> {
    return Promise.resolve(this.#options.card());
  }

  async getAuthenticatedExtendedAgentCard(
    _params: GetExtendedAgentCardRequest,
    context: ServerCallContext,
  ): Promise<AgentCard> {
    if (this.#options.card().capabilities?.extendedAgentCard !== true) {
      throw new UnsupportedOperationError('This agent has no extended card.');
    }
    const card = this.#options.extendedCard?.(context);
    if (card === undefined) throw new ExtendedAgentCardNotConfiguredError();
    return card;
  }

  async sendMessage(params: SendMessageRequest, context: ServerCallContext): Promise<Message | Task> {
    const length = params.configuration?.historyLength;
    const taken = await this.#take(params, context);
    const { run } = taken;
    // A repeated message learns at once how far the first one came; the first one is answered in the end.
    if (params.configuration?.returnImmediately !== true && !taken.repeated) await run.rest();
    else run.show();
    const answer = run.itemAt(run.committed.seq);
    if (answer?.payload?.$case === 'message') return answer.payload.value;
    return withHistory(run.committed.task, length);
  }

  async *sendMessageStream(
    params: SendMessageRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    this.#requireStreaming();
    const taken = await this.#take(params, context);
    const { run } = taken;
    const length = params.configuration?.historyLength;
    const events = taken.atRest ? storedItems(run) : this.#turns.visible(run, run.turnFrom - 1);
    for await (const { seq, item } of events) {
      setSeq(context, seq);
      yield item.payload?.$case === 'task'
        ? { payload: { $case: 'task', value: withHistory(item.payload.value, length) } }
        : item;
    }
  }

  async *resubscribe(
    params: SubscribeToTaskRequest,
    context: ServerCallContext,
  ): AsyncGenerator<StreamResponse, void, undefined> {
    this.#requireStreaming();
    const run = this.#runOf(this.#find(params.id, context));
    const last = lastSeqOf(context);
    if (last === undefined && isTerminal(run.committed.task.status?.state)) {
      throw new UnsupportedOperationError(`Task ${params.id} is over; ask for it with GetTask.`);
    }
    let after = last ?? run.committed.seq;
    if (last === undefined) {
      setSeq(context, after);
      yield { payload: { $case: 'task', value: run.committed.task } };
    } else after = Math.min(last, run.committed.seq);
    for await (const { seq, item } of run.watch(after)) {
      setSeq(context, seq);
      yield item;
    }
  }

  async getTask(params: GetTaskRequest, context: ServerCallContext): Promise<Task> {
    return withHistory(this.#find(params.id, context).task, params.historyLength);
  }

  async listTasks(params: ListTasksRequest, context: ServerCallContext): Promise<ListTasksResponse> {
    const pageSize = params.pageSize ?? 50;
    if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > 100) {
      throw new RequestMalformedError('pageSize must be between 1 and 100.');
    }
    const { status, statusTimestampAfter } = params;
    if (status === TaskState.UNRECOGNIZED) throw new RequestMalformedError('status is no state of a task.');
    const updatedAfter = statusTimestampAfter ? Date.parse(statusTimestampAfter) : undefined;
    if (Number.isNaN(updatedAfter)) {
      throw new RequestMalformedError('statusTimestampAfter is no ISO 8601 time.');
    }
    const page = this.#options.ledger.list(scopeOf(context), {
      contextId: params.contextId || undefined,
      state: status || undefined,
      updatedAfter,
      limit: pageSize,
      cursor: params.pageToken ? fromToken(params.pageToken) : undefined,
    });
    const tasks = page.tasks.map((task) => {
      const shown = withHistory(task, params.historyLength);
      return params.includeArtifacts === true ? shown : { ...shown, artifacts: [] };
    });
    return { tasks, nextPageToken: toToken(page.next), pageSize, totalSize: page.total };
  }

  /** Idempotent; what the executor says after it changes nothing. */
  async cancelTask(params: CancelTaskRequest, context: ServerCallContext): Promise<Task> {
    const run = this.#runOf(this.#find(params.id, context));
    const state = run.record.task.status?.state;
    if (isTerminal(state) && state !== TaskState.TASK_STATE_CANCELED) {
      throw new TaskNotCancelableError(`Task ${params.id} is over.`);
    }
    await this.#turns.cancel(run);
    const task = run.committed.task;
    if (task.status?.state !== TaskState.TASK_STATE_CANCELED) {
      throw new TaskNotCancelableError(`Task ${params.id} ended otherwise.`);
    }
    return task;
  }

  async createTaskPushNotificationConfig(params: TaskPushNotificationConfig, context: ServerCallContext) {
    const { push, scope } = this.#push(params.taskId, context);
    return push.create(scope, params);
  }

  async getTaskPushNotificationConfig(
    params: GetTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<TaskPushNotificationConfig> {
    const { push, scope } = this.#push(params.taskId, context);
    const found = await push.get(scope, params.taskId, params.id);
    if (found === undefined) throw new TaskNotFoundError(`Task ${params.taskId} has no such configuration.`);
    return found;
  }

  async listTaskPushNotificationConfigs(
    params: ListTaskPushNotificationConfigsRequest,
    context: ServerCallContext,
  ): Promise<ListTaskPushNotificationConfigsResponse> {
    const { push, scope } = this.#push(params.taskId, context);
    return { configs: await push.list(scope, params.taskId), nextPageToken: '' };
  }

  async deleteTaskPushNotificationConfig(
    params: DeleteTaskPushNotificationConfigRequest,
    context: ServerCallContext,
  ): Promise<void> {
    const { push, scope } = this.#push(params.taskId, context);
    await push.delete(scope, params.taskId, params.id);
  }

  /** One execution for all attempts: (owner, task, message) names it (profile 0.1, dedupe). */
  async #take(params: SendMessageRequest, context: ServerCallContext) {
    const admitted = admit(params, context, this.#options.card());
    const { message } = admitted;
    const scope = scopeOf(context);
    const key = scopeKey(scope, message.taskId);
    let run = this.#runs.get(key);
    const record = run?.record ?? this.#options.ledger.load(scope, message.taskId);
    const earlier = record?.task.history.find(({ messageId }) => messageId === message.messageId);
    if (record !== undefined && earlier !== undefined) {
      requireSame(earlier, message);
      run ??= this.#runOf(record);
      await run.durable(run.turnFrom);
      return { run, repeated: true, atRest: isAtRest(run.committed.task.status?.state) };
    }
    if (record !== undefined) this.#requireTakesMessages(record, message, run);
    run ??= this.#runOf(
      record ?? { ...scope, id: message.taskId, seq: 0, cancelling: false, task: this.#turns.empty(message) },
    );
    const config = params.configuration?.taskPushNotificationConfig;
    try {
      await this.#turns.begin(run, admitted, context, async () => {
        if (config === undefined || this.#options.push === undefined) return;
        await this.#options.push.create(scope, { ...config, taskId: message.taskId });
      });
    } catch (error) {
      if (run.committed.seq === 0) this.#runs.delete(key);
      setFailure(context, error);
      throw error;
    }
    return { run, repeated: false, atRest: false };
  }

  #requireTakesMessages(record: TaskRecord, message: Message, run: TaskRun | undefined): void {
    const { id, task } = record;
    const state = task.status?.state;
    if (message.contextId !== '' && message.contextId !== task.contextId) {
      throw new RequestMalformedError(`Task ${id} is in another context.`);
    }
    if (isTerminal(state)) throw new UnsupportedOperationError(`Task ${id} is over and takes no messages.`);
    if (run?.executing === true || record.cancelling || !isAtRest(state)) {
      throw new UnsupportedOperationError(`Task ${id} is at work; it takes a message when it asks for one.`);
    }
  }

  /** @throws TaskNotFoundError, also for a task of somebody else */
  #find(id: string, context: ServerCallContext): TaskRecord {
    if (id.trim() === '') throw new RequestMalformedError('The task id is missing.');
    const scope = scopeOf(context);
    const run = this.#runs.get(scopeKey(scope, id));
    const record = run?.committed ?? this.#options.ledger.load(scope, id);
    if (record === undefined || record.seq === 0) throw new TaskNotFoundError(`Task not found: ${id}`);
    return record;
  }

  #runOf(record: TaskRecord): TaskRun {
    const key = scopeKey(record, record.id);
    const known = this.#runs.get(key);
    if (known !== undefined) return known;
    const { ledger, env } = this.#options;
    let rested = isAtRest(record.task.status?.state);
    const run = new TaskRun({
      ledger,
      clock: env.clock,
      log: env.log,
      record,
      onCommit: (changed) => {
        if (changed.idle) this.#runs.delete(key);
        const rests = isAtRest(changed.committed.task.status?.state);
        if (rests && !rested) this.#options.onRest?.(changed.committed.id);
        rested = rests;
        if (changed.committed.seq > 0) this.#options.push?.committed(changed.committed);
      },
    });
    this.#runs.set(key, run);
    return run;
  }

  #push(taskId: string, context: ServerCallContext) {
    const { push } = this.#options;
    if (push === undefined || this.#options.card().capabilities?.pushNotifications !== true) {
      throw new PushNotificationNotSupportedError();
    }
    this.#find(taskId, context);
    return { push, scope: scopeOf(context) };
  }

  #requireStreaming(): void {
    if (this.#options.card().capabilities?.streaming !== true) {
      throw new UnsupportedOperationError('This agent does not stream.');
    }
  }
}

/** What a repeated message gets of a task at rest: the direct answer, or the task as it is. */
function* storedItems(run: TaskRun) {
  const { seq, task } = run.committed;
  const answer = run.itemAt(seq);
  yield answer?.payload?.$case === 'message'
    ? { seq, item: answer }
    : { seq, item: { payload: { $case: 'task' as const, value: task } } };
}

function lastSeqOf(context: ServerCallContext): number | undefined {
  const text = propertyOf(context, PROPERTY.lastSeq);
  if (text === undefined) return undefined;
  const seq = Number(text);
  if (!Number.isSafeInteger(seq) || seq < 0) {
    throw new RequestMalformedError('a2a-last-seq is the number of an item.');
  }
  return seq;
}

const toToken = (cursor: string) => Buffer.from(cursor).toString('base64url');
const fromToken = (token: string) => Buffer.from(token, 'base64url').toString();
