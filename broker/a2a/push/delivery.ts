import { StreamResponse, TaskPushNotificationConfig } from '@a2a-js/sdk';
import { RequestMalformedError } from '@a2a-js/sdk/errors';
import { Agent, request } from 'undici';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { failBus } from '../../errors.ts';
import { PROPERTY } from '../properties.ts';
import { isTerminal } from '../tasks/fold.ts';
import {
  type LoggedEvent,
  scopeKey,
  type TaskLedger,
  type TaskRecord,
  type TaskScope,
} from '../tasks/ledger.ts';
import type { PushPort } from '../tasks/service.ts';
import { STRICT_TARGETS, type TargetPolicy, Targets } from './target.ts';

/** A configuration and how far its receiver has come; JSON. */
export interface PushEntry extends TaskScope {
  taskId: string;
  config: unknown;
  /** Number of the last event that the receiver has taken. */
  cursor: number;
}

/** Where entries survive; synchronous. */
export interface PushStore {
  put(id: string, entry: PushEntry): void;
  delete(id: string): unknown;
  list(): Array<{ id: string; value: PushEntry }>;
}

export interface PushOptions {
  env: Env;
  ledger: TaskLedger;
  /** In memory if absent. */
  store?: PushStore;
  targets?: TargetPolicy;
  /** Publishes on the agent's event topic; without it there are webhooks only. */
  events?: EventPublisher;
}

export interface EventPublisher {
  /** The agent's event topic. */
  topic: string;
  publish(payload: string, userProperties: Record<string, string>): Promise<void>;
}

/** A2A 1.0, 4.3.3: at least one attempt, then some more. */
const BACKOFF_MS = [1_000, 2_000, 4_000, 8_000];
const TIMEOUT_MS = 10_000;
const MAX_CONFIGS = 10;
const EVENT_TYPES = {
  task: 'task',
  message: 'message',
  statusUpdate: 'task-status-update',
  artifactUpdate: 'task-artifact-update',
} as const;

const isBusUrl = (url: string) => /^mqtts?:\/\//i.test(url);

interface Line {
  id: string;
  entry: PushEntry;
  config: TaskPushNotificationConfig;
  running: boolean;
  /** More came while it was running. */
  again: boolean;
}

/**
 * Tells receivers of tasks by webhook or on the agent's event topic: every event of the log, in order, at least once, also after a
 * restart. A receiver that does not answer is tried again a few times, and then at the next event.
 */
export class PushDelivery implements PushPort {
  readonly #options: PushOptions;
  readonly #targets: Targets;
  readonly #agent: Agent;
  /** By task, then by configuration. */
  readonly #lines = new Map<string, Map<string, Line>>();
  readonly #pauses = new Set<() => void>();
  #closed = false;
  /** Events that a receiver took, and attempts that failed. */
  delivered = 0;
  failed = 0;

  constructor(options: PushOptions) {
    this.#options = options;
    this.#targets = new Targets(options.targets ?? STRICT_TARGETS);
    this.#agent = new Agent({
      connect: { lookup: this.#targets.lookup, timeout: TIMEOUT_MS },
      headersTimeout: TIMEOUT_MS,
      bodyTimeout: TIMEOUT_MS,
    });
    for (const { id, value } of options.store?.list() ?? []) this.#pump(this.#add(id, value));
  }

  async create(scope: TaskScope, given: TaskPushNotificationConfig): Promise<TaskPushNotificationConfig> {
    try {
      if (isBusUrl(given.url)) this.#checkEvents(given);
      else this.#targets.check(given.url);
    } catch (error) {
      throw new RequestMalformedError(error instanceof Error ? error.message : String(error));
    }
    const { env, store } = this.#options;
    const config = { ...given, id: given.id === '' ? env.ids.uuid() : given.id };
    const lines = this.#lines.get(scopeKey(scope, config.taskId));
    const known = lines?.get(config.id);
    if (known === undefined && (lines?.size ?? 0) >= MAX_CONFIGS) {
      throw new RequestMalformedError(`A task has at most ${MAX_CONFIGS} push notification configurations.`);
    }
    const { tenant, owner } = scope;
    const entry: PushEntry = {
      tenant,
      owner,
      taskId: config.taskId,
      config: TaskPushNotificationConfig.toJSON(config),
      cursor: known?.entry.cursor ?? this.#seqOf(scope, config.taskId),
    };
    const id = known?.id ?? env.ids.uuid();
    store?.put(id, entry);
    this.#add(id, entry);
    return config;
  }

  /** Events go to one topic, which everybody on the bus may read: no place for a secret. */
  #checkEvents({ url, token, authentication }: TaskPushNotificationConfig): void {
    const refuse = (problem: string) => failBus('BUS_PUSH_TARGET_REFUSED', { problem });
    const { events } = this.#options;
    if (events === undefined || !url.endsWith(`/${events.topic}`)) {
      throw refuse('on the bus only the event topic of the agent itself is allowed');
    }
    if (token !== '' || authentication !== undefined) throw refuse('an event cannot carry a secret');
  }

  async get(scope: TaskScope, taskId: string, id: string) {
    return this.#lines.get(scopeKey(scope, taskId))?.get(id)?.config;
  }

  async list(scope: TaskScope, taskId: string) {
    return [...(this.#lines.get(scopeKey(scope, taskId))?.values() ?? [])].map(({ config }) => config);
  }

  async delete(scope: TaskScope, taskId: string, id: string): Promise<void> {
    const line = this.#lines.get(scopeKey(scope, taskId))?.get(id);
    if (line !== undefined) this.#drop(line);
  }

  committed(record: TaskRecord): void {
    for (const line of this.#lines.get(scopeKey(record, record.id))?.values() ?? []) this.#pump(line);
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const end of [...this.#pauses]) end();
    await this.#agent.destroy();
  }

  #seqOf(scope: TaskScope, taskId: string): number {
    return this.#options.ledger.load(scope, taskId)?.seq ?? 0;
  }

  #add(id: string, entry: PushEntry): Line {
    const key = scopeKey(entry, entry.taskId);
    const config = TaskPushNotificationConfig.fromJSON(entry.config);
    const lines = this.#lines.get(key) ?? new Map<string, Line>();
    this.#lines.set(key, lines);
    const line = lines.get(config.id) ?? { id, entry, config, running: false, again: false };
    Object.assign(line, { entry, config });
    lines.set(config.id, line);
    return line;
  }

  #drop({ id, entry, config }: Line): void {
    const key = scopeKey(entry, entry.taskId);
    const lines = this.#lines.get(key);
    lines?.delete(config.id);
    if (lines?.size === 0) this.#lines.delete(key);
    this.#options.store?.delete(id);
  }

  #pump(line: Line): void {
    line.again = true;
    if (line.running) return;
    line.running = true;
    this.#run(line)
      .catch((error) => this.#options.env.log.error({ problem: String(error) }, 'push notification'))
      .finally(() => {
        line.running = false;
      });
  }

  async #run(line: Line): Promise<void> {
    const { ledger } = this.#options;
    while (line.again && !this.#closed) {
      line.again = false;
      for (const event of ledger.events(line.entry, line.entry.taskId, line.entry.cursor)) {
        if (!(await this.#deliver(line, event)) || this.#gone(line)) break;
        line.entry = { ...line.entry, cursor: event.seq };
        this.#options.store?.put(line.id, line.entry);
      }
    }
    const task = ledger.load(line.entry, line.entry.taskId)?.task;
    if (!this.#closed && (task === undefined || isTerminal(task.status?.state))) this.#drop(line);
  }

  #gone = (line: Line) =>
    this.#closed || this.#lines.get(scopeKey(line.entry, line.entry.taskId))?.get(line.config.id) !== line;

  async #deliver(line: Line, event: LoggedEvent): Promise<boolean> {
    for (const pauseMs of [...BACKOFF_MS, null]) {
      if (this.#gone(line)) return false;
      const { url } = line.config;
      const problem = await (isBusUrl(url) ? this.#publish(event) : this.#post(line.config, event));
      if (problem === undefined) {
        this.delivered += 1;
        return true;
      }
      this.failed += 1;
      const { taskId } = line.entry;
      this.#options.env.log.warn({ task: taskId, seq: event.seq, problem }, 'push notification not taken');
      if (pauseMs === null || this.#closed) return false;
      await this.#pause(pauseMs);
    }
    return false;
  }

  async #publish({ seq, item }: LoggedEvent): Promise<string | undefined> {
    const { payload } = item;
    const id = payload?.$case === 'task' ? payload.value.id : payload?.value.taskId;
    try {
      await this.#options.events?.publish(JSON.stringify(StreamResponse.toJSON(item)), {
        'a2a-event-type': EVENT_TYPES[payload?.$case ?? 'task'],
        'a2a-task-id': id ?? '',
        [PROPERTY.seq]: String(seq),
      });
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  /** What went wrong, without the address or its secrets. */
  async #post(config: TaskPushNotificationConfig, { item }: LoggedEvent): Promise<string | undefined> {
    try {
      const url = this.#targets.check(config.url);
      const { scheme, credentials } = config.authentication ?? { scheme: '', credentials: '' };
      const { statusCode, body } = await request(url, {
        dispatcher: this.#agent,
        method: 'POST',
        headers: {
          'content-type': 'application/a2a+json',
          ...(scheme === '' ? {} : { authorization: `${scheme} ${credentials}`.trim() }),
          ...(config.token === '' ? {} : { 'x-a2a-notification-token': config.token }),
        },
        body: JSON.stringify(StreamResponse.toJSON(item)),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await body.dump({ limit: 65_536 });
      return statusCode >= 200 && statusCode < 300 ? undefined : `status ${statusCode}`;
    } catch (error) {
      if (error instanceof NetAgentError) return error.message;
      return (error as { code?: string }).code ?? 'the connection failed';
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock, random } = this.#options.env;
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = clock.setTimeout(end, ms * (0.8 + 0.4 * random.next()));
      this.#pauses.add(end);
    });
  }
}
