import type { Message, StreamResponse, Task, TaskStatus } from '@a2a-js/sdk';
import type { Client, RequestOptions } from '@a2a-js/sdk/client';
import { A2AError } from '@a2a-js/sdk/errors';
import {
  AgentEvent,
  type AgentExecutor,
  type ExecutionEventBus,
  type RequestContext,
} from '@a2a-js/sdk/server';
import { isAtRest } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { type BroughtTask, contextKey, type TaskLinks, taskKey } from './links.ts';

export interface ForwardOptions {
  env: Env;
  /** Where the agent lives, for errors. */
  url: string;
  client: () => Client;
  streams: () => boolean;
  links: TaskLinks;
  /** Between looks at a task that cannot be watched, ms. */
  pollMs: number;
  /** Looks in a row that may fail before the task is given up. */
  looks: number;
}

/** One turn of a task at the agent elsewhere. */
interface Run {
  taskId: string;
  contextId: string;
  scope: string;
  bus: ExecutionEventBus;
  link: BroughtTask;
  options: RequestOptions;
  /** The agent has spoken its last word of this turn. */
  rests: boolean;
  stop: AbortController;
  /** Resolves when their ids are known, or when the turn is over. */
  known: PromiseWithResolvers<void>;
}

/** How long a cancel waits for the agent to name the task that it is just given, ms. */
const CANCEL_PATIENCE_MS = 5_000;
const SENT_KEPT = 64;

/**
 * Does the tasks of an agent of the bus at an agent behind HTTP. Ids of tasks and contexts are theirs over
 * there and ours here. A message is handed over once: when the connection is lost later, the task is
 * watched again by their id; when it is lost before they named the task, it fails, as nobody can know.
 */
export class Forwarder implements AgentExecutor {
  readonly #options: ForwardOptions;
  readonly #runs = new Map<string, Run>();
  #closed = false;

  constructor(options: ForwardOptions) {
    this.#options = options;
  }

  async execute(turn: RequestContext, bus: ExecutionEventBus): Promise<void> {
    const { taskId, contextId, userMessage, context } = turn;
    const { links } = this.#options;
    const scope = JSON.stringify([context.tenant ?? '', context.user?.userName ?? '']);
    const link = (await links.get(taskKey(taskId))) ?? { scope, sent: [] };
    if (link.scope !== scope || this.#runs.has(taskId)) throw fail('GATEWAY_TASK_TAKEN', { task: taskId });
    const stop = new AbortController();
    const extensions = context.requestedExtensions ?? [];
    const run: Run = {
      taskId,
      contextId,
      scope,
      bus,
      link,
      options: {
        signal: stop.signal,
        serviceParameters: extensions.length === 0 ? {} : { 'A2A-Extensions': extensions.join(',') },
      },
      rests: false,
      stop,
      known: Promise.withResolvers(),
    };
    this.#runs.set(taskId, run);
    try {
      if (!link.sent.includes(userMessage.messageId)) await this.#send(run, turn);
      if (!run.rests) await this.#follow(run);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
      // The process ends and the task goes on over there; the next process takes it up.
      if (this.#closed) await new Promise<never>(() => undefined);
    } finally {
      run.known.resolve();
      this.#runs.delete(taskId);
    }
  }

  async cancelTask(taskId: string, bus: ExecutionEventBus): Promise<void> {
    const { links, env, url, client } = this.#options;
    const run = this.#runs.get(taskId);
    if (run !== undefined && run.link.theirs === undefined) {
      const timer = env.clock.setTimeout(() => run.known.resolve(), CANCEL_PATIENCE_MS);
      await run.known.promise;
      env.clock.clearTimeout(timer);
    }
    const link = run?.link ?? (await links.get(taskKey(taskId)));
    try {
      if (link?.theirs === undefined) {
        env.log.warn({ task: taskId, url }, 'cancelled before the agent elsewhere named the task');
        return;
      }
      const params = { tenant: '', id: link.theirs.taskId, metadata: undefined };
      const { status } = await client().cancelTask(params);
      bus.publish(
        AgentEvent.statusUpdate({
          taskId,
          contextId: run?.contextId ?? '',
          status: status && ownStatus(status, taskId, run?.contextId ?? ''),
          metadata: undefined,
        }),
      );
    } finally {
      run?.stop.abort(new Error('The task was cancelled.'));
    }
  }

  /** Ends the watching of all tasks; they go on over there. */
  close(): void {
    this.#closed = true;
    for (const run of this.#runs.values()) run.stop.abort(new Error('The agent left the bus.'));
  }

  async #send(run: Run, turn: RequestContext): Promise<void> {
    const { links, url, client, streams } = this.#options;
    const { userMessage, request } = turn;
    const { theirs } = run.link;
    await this.#keep(run, { sent: [...run.link.sent, userMessage.messageId].slice(-SENT_KEPT) });
    const context = await links.get(contextKey(run.scope, run.contextId));
    const message: Message = {
      ...userMessage,
      taskId: theirs?.taskId ?? '',
      contextId: theirs?.contextId ?? context?.theirs?.contextId ?? '',
      referenceTaskIds: await this.#theirIds(run.scope, userMessage.referenceTaskIds),
    };
    const params = {
      tenant: '',
      message,
      configuration: {
        acceptedOutputModes: request.configuration?.acceptedOutputModes ?? [],
        taskPushNotificationConfig: undefined,
        historyLength: undefined,
        returnImmediately: !streams(),
      },
      metadata: request.metadata,
    };
    let answered = false;
    try {
      if (streams()) {
        for await (const { payload } of client().sendMessageStream(params, run.options)) {
          answered = true;
          await this.#relay(run, payload);
        }
      } else {
        const result = await client().sendMessage(params, run.options);
        answered = true;
        await this.#relay(run, payloadOf(result));
      }
    } catch (error) {
      if (run.stop.signal.aborted) throw error;
      const refusal = refusalOf(error);
      if (!answered && refusal !== undefined) {
        throw fail('GATEWAY_REMOTE_REFUSED', { url, problem: refusal.message }, { cause: error });
      }
      if (run.link.theirs === undefined || !answered) throw this.#lost(error);
    }
    if (!run.rests && run.link.theirs === undefined) throw this.#lost(new Error('it named no task'));
  }

  /** Watches a task by their id until it rests: as a stream where that goes, else by looking at it. */
  async #follow(run: Run): Promise<void> {
    const { client, streams, looks, pollMs } = this.#options;
    const { theirs } = run.link;
    if (theirs === undefined) throw this.#lost(new Error('it is not known whether it took the message'));
    let failures = 0;
    let seen = '';
    while (!run.rests) {
      try {
        const task = await client().getTask({ tenant: '', id: theirs.taskId, historyLength: 0 }, run.options);
        failures = 0;
        const now = JSON.stringify([task.status, task.artifacts]);
        if (now !== seen) await this.#snapshot(run, task);
        seen = now;
        if (run.rests) return;
        if (streams()) {
          const events = client().resubscribeTask({ tenant: '', id: theirs.taskId }, run.options);
          for await (const { payload } of events) await this.#relay(run, payload);
        }
      } catch (error) {
        if (run.stop.signal.aborted) throw error;
        failures += 1;
        if (failures >= looks) throw this.#lost(error);
      }
      if (!run.rests) await this.#pause(run, pollMs * 2 ** failures);
    }
  }

  async #relay(run: Run, payload: StreamResponse['payload']): Promise<void> {
    const { taskId, contextId, bus } = run;
    switch (payload?.$case) {
      case 'message': {
        run.rests = true;
        bus.publish(AgentEvent.message({ ...payload.value, taskId: '', contextId }));
        return;
      }
      case 'task': {
        const task = payload.value;
        await this.#learn(run, task.id, task.contextId);
        run.rests = isAtRest(task.status?.state);
        bus.publish(AgentEvent.task(ownTask(task, taskId, contextId)));
        return;
      }
      case 'statusUpdate': {
        const { value } = payload;
        await this.#learn(run, value.taskId, value.contextId);
        run.rests = isAtRest(value.status?.state);
        const status = value.status && ownStatus(value.status, taskId, contextId);
        bus.publish(AgentEvent.statusUpdate({ ...value, taskId, contextId, status }));
        return;
      }
      case 'artifactUpdate': {
        await this.#learn(run, payload.value.taskId, payload.value.contextId);
        bus.publish(AgentEvent.artifactUpdate({ ...payload.value, taskId, contextId }));
      }
    }
  }

  /** The task as it is now: what was missed of an artifact is in the whole artifact. */
  async #snapshot(run: Run, task: Task): Promise<void> {
    const ids = { taskId: task.id, contextId: task.contextId };
    for (const artifact of task.artifacts) {
      const value = { ...ids, artifact, append: false, lastChunk: true, metadata: undefined };
      await this.#relay(run, { $case: 'artifactUpdate', value });
    }
    await this.#relay(run, { $case: 'task', value: { ...task, artifacts: [] } });
  }

  async #learn(run: Run, taskId: string, contextId: string): Promise<void> {
    if (run.link.theirs !== undefined || taskId === '') return;
    const theirs = { taskId, contextId };
    await this.#keep(run, { theirs });
    await this.#options.links.put(contextKey(run.scope, run.contextId), {
      scope: run.scope,
      theirs,
      sent: [],
    });
    run.known.resolve();
  }

  async #keep(run: Run, changed: Partial<BroughtTask>): Promise<void> {
    run.link = { ...run.link, ...changed };
    await this.#options.links.put(taskKey(run.taskId), run.link);
  }

  async #theirIds(scope: string, ours: readonly string[]): Promise<string[]> {
    const links = await Promise.all(ours.map((id) => this.#options.links.get(taskKey(id))));
    return links.flatMap((link) => (link?.scope === scope && link.theirs ? [link.theirs.taskId] : []));
  }

  #pause(run: Run, ms: number): Promise<void> {
    const { clock } = this.#options.env;
    const { signal } = run.stop;
    return new Promise((resolve, reject) => {
      const aborted = () => {
        clock.clearTimeout(timer);
        reject(signal.reason);
      };
      const timer = clock.setTimeout(() => {
        signal.removeEventListener('abort', aborted);
        resolve();
      }, ms);
      if (signal.aborted) aborted();
      else signal.addEventListener('abort', aborted, { once: true });
    });
  }

  #lost(cause: unknown) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    return fail('GATEWAY_REMOTE_LOST', { url: this.#options.url, problem }, { cause });
  }
}

/** An answer of A2A that says no, also where the SDK's stream wraps it. */
function refusalOf(error: unknown): Error | undefined {
  if (error instanceof A2AError) return error;
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof A2AError ? cause : undefined;
}

const payloadOf = (result: Message | Task): StreamResponse['payload'] =>
  'messageId' in result ? { $case: 'message', value: result } : { $case: 'task', value: result };

const ownStatus = (status: TaskStatus, taskId: string, contextId: string): TaskStatus => ({
  ...status,
  message: status.message && { ...status.message, taskId, contextId },
});

const ownTask = (task: Task, id: string, contextId: string): Task => ({
  ...task,
  id,
  contextId,
  status: task.status && ownStatus(task.status, id, contextId),
  history: [],
});
