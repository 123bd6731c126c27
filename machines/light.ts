import type { AnyStateMachine, ContextFrom, EventFromLogic, InputFrom, OutputFrom } from 'xstate';
import { type Chart, lightChart, type Named, type Node, type Transition } from './light-chart.ts';
import type { Clock } from './ports.ts';

export type LightStatus = 'waiting' | 'active' | 'done' | 'error' | 'stopped';

/**
 * Runs a chart as an actor of XState does, for charts of which there is one for every message: without a system,
 * mailbox, snapshots and observers it costs a fraction. The chart stays what it is, drawn, walked and tested as
 * ever; `test/machines/light.test.ts` holds both ways of running against each other. It knows compound,
 * atomic and final states, transitions with guards, `assign`, actions, `after`, and promises as `invoke`, and
 * refuses a chart with anything else.
 */
export interface LightActor<M extends AnyStateMachine> {
  readonly status: LightStatus;
  readonly context: ContextFrom<M>;
  /** Keys of the active states, from below the root to the leaf, joined by a dot. */
  readonly state: string;
  /** Once done. */
  readonly output: OutputFrom<M> | undefined;
  start(): this;
  /** An event before the start or after the end is nothing. */
  send(event: EventFromLogic<M>): void;
  /** Ends it without a word, after the event that is at work. */
  stop(): void;
}

export interface LightOptions<M extends AnyStateMachine> {
  input: InputFrom<M>;
  clock: Clock;
  /** Implementations by name, before those of the chart. */
  actions?: Readonly<Record<string, Action>>;
  actors?: Readonly<Record<string, (input: never) => PromiseLike<unknown>>>;
  /** Hears of every event that was taken, and of the start. */
  changed?(state: string): void;
  /** Reached a final state, or an action threw. */
  ended?(error?: unknown): void;
}

type Args = { context: unknown; event: { type: string } };
type Action = (args: never, params: never) => void;

/** @throws TypeError for a chart that needs more than this knows */
export function lightActor<M extends AnyStateMachine>(machine: M, options: LightOptions<M>): LightActor<M> {
  return new Light(machine, options);
}

class Light<M extends AnyStateMachine> implements LightActor<M> {
  status: LightStatus = 'waiting';
  context: ContextFrom<M>;
  output: OutputFrom<M> | undefined;
  readonly #machine: M;
  readonly #options: LightOptions<M>;
  readonly #chart: Chart;
  #leaf: Node;
  #timers: Array<{ node: Node; id: unknown }> | undefined;
  /** The promise that is waited for. */
  #child: object | undefined;
  #queue: Array<{ type: string }> | undefined;
  #busy = false;
  #stopping = false;

  constructor(machine: M, options: LightOptions<M>) {
    this.#machine = machine;
    this.#options = options;
    this.#chart = lightChart(machine);
    this.#leaf = this.#chart.root;
    const { context } = machine.config as { context?: unknown };
    this.context = (
      typeof context === 'function' ? context({ input: options.input }) : (context ?? {})
    ) as ContextFrom<M>;
  }

  start(): this {
    if (this.status !== 'waiting') return this;
    this.status = 'active';
    this.#process({ type: START, input: this.#options.input } as never);
    return this;
  }

  get state(): string {
    return this.#leaf.state;
  }

  send(event: EventFromLogic<M>): void {
    this.#take(event as { type: string });
  }

  #take(event: { type: string }): void {
    if (this.status !== 'active') return;
    if (!this.#busy) this.#process(event);
    else {
      this.#queue ??= [];
      this.#queue.push(event);
    }
  }

  /** One event, then those that came of it. */
  #process(first: { type: string }): void {
    let event: { type: string } | undefined = first;
    while (event !== undefined && this.status === 'active') {
      let problem: { error: unknown } | undefined;
      this.#busy = true;
      try {
        if (event.type === START) this.#enter(this.#chart.initial, event);
        else this.#step(event);
      } catch (error) {
        problem = { error };
        this.status = 'error';
      }
      this.#busy = false;
      if (this.#stopping && this.status === 'active') this.status = 'stopped';
      if (this.status !== 'active') this.#release();
      this.#options.changed?.(this.#leaf.state);
      if (problem !== undefined) this.#options.ended?.(problem.error);
      else if (this.status !== 'active' && !this.#stopping) this.#options.ended?.();
      event = this.#queue?.shift();
    }
  }

  stop(): void {
    this.#stopping = true;
    if (this.#busy || this.status === 'done' || this.status === 'error') return;
    this.status = 'stopped';
    this.#release();
  }

  #release(): void {
    const { clock } = this.#options;
    for (const { id } of this.#timers ?? []) clock.clearTimeout(id);
    this.#timers = undefined;
    this.#child = undefined;
  }

  #step(event: { type: string }): void {
    for (let at: Node | undefined = this.#leaf; at !== undefined; at = at.parent) {
      const chosen = this.#among(at.on.get(event.type), event) ?? this.#among(at.on.get('*'), event);
      if (chosen === undefined) continue;
      if (chosen.domain === undefined) this.#act(chosen.actions, event);
      else {
        this.#leave(chosen.domain, event);
        this.#act(chosen.actions, event);
        this.#enter(chosen.enters, event);
      }
      return;
    }
  }

  #among(candidates: Transition[] | undefined, event: { type: string }): Transition | undefined {
    if (candidates === undefined) return undefined;
    for (const candidate of candidates) {
      const { guard } = candidate;
      if (guard === undefined) return candidate;
      const check = this.#machine.implementations.guards[nameOf(guard)] as (
        args: Args,
        params: unknown,
      ) => boolean;
      const args = { context: this.context, event };
      if (check(args, paramsOf(guard, args))) return candidate;
    }
    return undefined;
  }

  #leave(domain: Node, event: { type: string }): void {
    for (let at = this.#leaf; at !== domain; at = at.parent as Node) {
      this.#act(at.exit, event);
      if (at.after.length > 0) this.#disarm(at);
      if (at.invoke !== undefined) this.#child = undefined;
    }
    this.#leaf = domain;
  }

  #enter(nodes: Node[], event: { type: string }): void {
    for (const node of nodes) {
      this.#leaf = node;
      this.#act(node.entry, event);
      for (const { delay, event: due } of node.after) this.#arm(node, delay, due, event);
      if (node.invoke !== undefined) this.#invoke(node.invoke, event);
    }
    if (!this.#leaf.isFinal) return;
    for (let at: Node | undefined = this.#leaf; at !== undefined; at = at.parent) this.#act(at.exit, event);
    const { output } = this.#machine.config as { output?: unknown };
    this.output = (
      typeof output === 'function' ? output({ context: this.context, event }) : output
    ) as OutputFrom<M>;
    this.status = 'done';
  }

  #act(actions: Named[], event: { type: string }): void {
    for (const action of actions) {
      const name = nameOf(action);
      const implementation = (this.#options.actions?.[name] ?? this.#machine.implementations.actions[name]) as
        | (((args: Args, params: unknown) => void) & { assignment?: unknown })
        | undefined;
      if (implementation === undefined) continue;
      const args = { context: this.context, event };
      const params = paramsOf(action, args);
      const { assignment } = implementation;
      if (assignment === undefined) implementation(args, params);
      else this.context = assigned(assignment, args, params) as ContextFrom<M>;
    }
  }

  #arm(node: Node, delay: string | number, due: { type: string }, event: { type: string }): void {
    const given = typeof delay === 'number' ? delay : this.#machine.implementations.delays[delay];
    const ms =
      typeof given === 'function'
        ? given({ context: this.context, event } as never, undefined as never)
        : given;
    const fire = () => this.#take(due);
    const id = this.#options.clock.setTimeout(fire, ms as number);
    this.#timers ??= [];
    this.#timers.push({ node, id });
  }

  #disarm(node: Node): void {
    const { clock } = this.#options;
    for (const { node: of, id } of this.#timers ?? []) if (of === node) clock.clearTimeout(id);
    this.#timers = this.#timers?.filter((timer) => timer.node !== node);
  }

  #invoke({ src, id, input }: NonNullable<Node['invoke']>, event: { type: string }): void {
    const given = (typeof input === 'function' ? input({ context: this.context, event }) : input) as never;
    const work = this.#options.actors?.[src];
    if (work === undefined) throw new TypeError(`The actor "${src}" was not provided.`);
    const child = {};
    this.#child = child;
    const tell = (told: { type: string }) => {
      if (this.#child === child) this.#take(told);
    };
    new Promise((resolve) => resolve(work(given))).then(
      (output) => tell({ type: `xstate.done.actor.${id}`, output } as never),
      (error) => tell({ type: `xstate.error.actor.${id}`, error } as never),
    );
  }
}

const START = 'xstate.init';
const nameOf = (named: Named) => (typeof named === 'string' ? named : named.type);

function paramsOf(named: Named, args: Args): unknown {
  if (typeof named === 'string') return undefined;
  return typeof named.params === 'function' ? named.params(args) : named.params;
}

function assigned(assignment: unknown, args: Args, params: unknown): unknown {
  if (typeof assignment === 'function') return { ...(args.context as object), ...assignment(args, params) };
  const next = { ...(args.context as Record<string, unknown>) };
  for (const [key, value] of Object.entries(assignment as Record<string, unknown>)) {
    next[key] = typeof value === 'function' ? value(args, params) : value;
  }
  return next;
}
