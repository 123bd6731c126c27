import type { Clock } from '../../../machines/ports.ts';
import { sleep } from './time.ts';
import {
  duration,
  evaluateField,
  evaluateShape,
  Fault,
  fill,
  matches,
  standard,
  type Variables,
  validate,
} from './values.ts';

/**
 * A second reading of the Open Workflow DSL 1.0.3, to hold the engine against: plain recursion over the
 * document, every expression by jq, no charts, nothing kept. It is written from the specification alone and
 * shares no code with the engine.
 */
export interface World {
  clock: Clock;
  /** What `call: NAME:1.0.0@default` finds; they throw a `Fault` to fail. */
  functions: Record<string, (input: unknown, signal: AbortSignal) => Promise<unknown>>;
  publish(event: Record<string, unknown>): void;
  /** Hears of each task that begins. */
  started?(name: string): void;
  /** For the jitter of retries, in [0, 1). */
  random(): number;
}

export type Outcome =
  | { output: unknown }
  | { fault: { type: string; status: number; title: string; detail: string; instance: string } };

// Documents come from generators and YAML: the interpreter reads them by shape.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Loose = any;
type TaskList = Array<Record<string, Loose>>;

/** Where a task stands: the variables of the tasks around it, and what stops it. */
interface Scope {
  variables: Variables;
  signal: AbortSignal;
}

/** Passes through every task on its way to the workflow: `end`. */
class Ended {
  readonly data: unknown;
  constructor(data: unknown) {
    this.data = data;
  }
}
const CANCELLED = Symbol('cancelled');
const ignore = () => {};

/** Runs one instance; the clock is moved from outside. */
export async function interpret(document: Loose, input: unknown, world: World): Promise<Outcome> {
  const run = new Run(document, input, world);
  try {
    return { output: await run.whole(input) };
  } catch (error) {
    if (error instanceof Fault) return { fault: error.value() };
    throw error;
  }
}

class Run {
  /** `$context`, one for the whole instance. */
  private context: unknown = null;
  private events = 0;
  private readonly document: Loose;
  private readonly world: World;
  private readonly always: Variables;

  constructor(document: Loose, input: unknown, world: World) {
    this.document = document;
    this.world = world;
    this.always = {
      workflow: { id: 'reference', definition: document, input, startedAt: this.moment() },
      runtime: { name: 'reference', version: '1.0.0', metadata: {} },
    };
  }

  async whole(input: unknown): Promise<unknown> {
    const { document, always } = this;
    const scope: Scope = { variables: {}, signal: new AbortController().signal };
    const start = placed('/input', () => {
      validate(document.input?.schema, input);
      return document.input?.from === undefined ? input : evaluateShape(document.input.from, input, always);
    });
    return this.timed(document.timeout, '', input, scope, async (inner) => {
      const last = await this.list(document.do, '/do', start, inner).catch((error) => {
        if (error instanceof Ended) return error.data;
        throw error;
      });
      return placed('/output', () => {
        const as = document.output?.as;
        const variables = { ...always, context: this.context };
        const output = as === undefined ? last : evaluateShape(as, last, variables);
        validate(document.output?.schema, output);
        return output;
      });
    });
  }

  /** Tasks of one scope, one after the other or as their directives say. */
  private async list(list: TaskList, place: string, start: unknown, scope: Scope): Promise<unknown> {
    const names = list.map((entry) => Object.keys(entry)[0] as string);
    let data = start;
    for (let at = 0; at < list.length; ) {
      const name = names[at] as string;
      const done = await this.task(name, list[at]?.[name], `${place}/${at}/${name}`, data, scope);
      data = done.data;
      if (done.then === 'end') throw new Ended(data);
      if (done.then === 'exit') break;
      at = done.then === 'continue' ? at + 1 : names.indexOf(done.then);
    }
    return data;
  }

  /** One task with its data flow, in the order of the specification. */
  private async task(name: string, task: Loose, pointer: string, raw: unknown, outer: Scope) {
    if (outer.signal.aborted) throw CANCELLED;
    this.world.started?.(name);
    try {
      return await this.timed(task.timeout, pointer, raw, outer, async (scope) => {
        const described = {
          name,
          reference: pointer,
          definition: task,
          input: raw,
          startedAt: this.moment(),
        };
        const bound = (more: Variables = {}, output?: unknown): Variables => ({
          ...this.always,
          ...scope.variables,
          ...more,
          context: this.context,
          task: output === undefined ? described : { ...described, output },
        });
        // `then` is performed "upon completion of the task": one that is skipped does not complete.
        if (task.if !== undefined && !truthy(evaluateField(task.if, raw, bound())))
          return { data: raw, then: 'continue' };
        validate(task.input?.schema, raw);
        const from = task.input?.from;
        const input = from === undefined ? raw : evaluateShape(from, raw, bound());
        const work = await this.work(task, pointer, input, scope, () => bound({ input }));
        const as = task.output?.as;
        const output =
          as === undefined ? work.data : evaluateShape(as, work.data, bound({ input }, work.data));
        validate(task.output?.schema, output);
        if (task.export?.as !== undefined) {
          const kept = evaluateShape(task.export.as, output, bound({ input, output }, work.data));
          validate(task.export.schema, kept);
          this.context = kept;
        }
        return { data: output, then: work.then ?? (task.then as string | undefined) ?? 'continue' };
      });
    } catch (error) {
      if (error instanceof Fault) error.instance ??= pointer;
      throw error;
    }
  }

  /** What the kind of task does with its transformed input; a `then` here overrides the task's own. */
  private async work(
    task: Loose,
    pointer: string,
    input: unknown,
    scope: Scope,
    variables: () => Variables,
  ): Promise<{ data: unknown; then?: string }> {
    if (task.for !== undefined) return { data: await this.loop(task, pointer, input, scope, variables) };
    if (task.try !== undefined) return this.attempt(task, pointer, input, scope, variables);
    if (task.do !== undefined) return { data: await this.list(task.do, `${pointer}/do`, input, scope) };
    if (task.fork !== undefined) return { data: await this.fork(task.fork, pointer, input, scope) };
    if (task.set !== undefined) return { data: evaluateShape(task.set, input, variables()) };
    if (task.wait !== undefined) {
      await sleep(this.world.clock, duration(task.wait, input, variables()), scope.signal);
      return { data: input };
    }
    if (task.switch !== undefined) {
      for (const entry of task.switch as TaskList) {
        const one = Object.values(entry)[0];
        if (one.when === undefined || truthy(evaluateField(one.when, input, variables())))
          return { data: input, then: one.then };
      }
      return { data: input };
    }
    if (task.raise !== undefined) throw this.raised(task.raise.error, input, variables());
    if (task.emit !== undefined) return { data: this.emit(task.emit.event.with, input, variables()) };
    if (task.call !== undefined) return { data: await this.call(task, input, scope, variables) };
    throw new Error(`no task that is known: ${Object.keys(task).join(', ')}`);
  }

  private async loop(task: Loose, pointer: string, input: unknown, scope: Scope, variables: () => Variables) {
    const { each = 'item', at = 'index' } = task.for;
    const items =
      typeof task.for.in === 'string' ? evaluateField(task.for.in, input, variables()) : task.for.in;
    if (!Array.isArray(items)) throw standard('expression', 'for.in is no array');
    let data = input;
    for (const [index, item] of items.entries()) {
      const inner = { ...scope, variables: { ...scope.variables, [each]: item, [at]: index } };
      const seen = { ...variables(), [each]: item, [at]: index };
      if (task.while !== undefined && !truthy(evaluateField(task.while, data, seen))) break;
      data = await this.list(task.do, `${pointer}/do`, data, inner);
    }
    return data;
  }

  private async fork(fork: Loose, pointer: string, input: unknown, scope: Scope): Promise<unknown> {
    return within(scope, async (inner) => {
      const branches = (fork.branches as TaskList).map(async (entry, index) => {
        const [name, task] = Object.entries(entry)[0] as [string, Loose];
        const { data, then } = await this.task(
          name,
          task,
          `${pointer}/fork/branches/${index}/${name}`,
          input,
          inner,
        );
        if (then === 'end') throw new Ended(data);
        return data;
      });
      // The first fault or end stops the others; those that are stopped reject unheard.
      for (const branch of branches) branch.catch(ignore);
      return fork.compete === true ? Promise.race(branches) : Promise.all(branches);
    });
  }

  private async attempt(
    task: Loose,
    pointer: string,
    input: unknown,
    scope: Scope,
    variables: () => Variables,
  ): Promise<{ data: unknown; then?: string }> {
    const { as = 'error', errors, when, exceptWhen, retry, do: handler, then } = task.catch;
    const policy = typeof retry === 'string' ? this.document.use?.retries?.[retry] : retry;
    const began = this.world.clock.now();
    for (let retries = 0; ; retries += 1) {
      try {
        return { data: await this.list(task.try, `${pointer}/try`, input, scope) };
      } catch (fault) {
        if (!(fault instanceof Fault)) throw fault;
        const seen = () => ({ ...variables(), [as]: fault.value() });
        const holds = (yes?: string, no?: string) =>
          (yes === undefined || truthy(evaluateField(yes, input, seen()))) &&
          (no === undefined || !truthy(evaluateField(no, input, seen())));
        if (!matches(errors?.with, fault) || !holds(when, exceptWhen)) throw fault;
        if (policy !== undefined && holds(policy.when, policy.exceptWhen)) {
          const pause = this.pause(policy, retries + 1, input, seen());
          if (this.mayRetry(policy, retries, this.world.clock.now() - began + pause, input, seen())) {
            await sleep(this.world.clock, pause, scope.signal);
            continue;
          }
        }
        if (handler === undefined) {
          // A policy that gave up has not handled the error.
          if (policy !== undefined) throw fault;
          return { data: input, then };
        }
        const inner = { ...scope, variables: { ...scope.variables, [as]: fault.value() } };
        return { data: await this.list(handler, `${pointer}/catch/do`, input, inner), then };
      }
    }
  }

  /** Milliseconds before the `n`th retry. */
  private pause(policy: Loose, n: number, input: unknown, variables: Variables): number {
    const ms = (value: unknown) => (value === undefined ? 0 : duration(value, input, variables));
    const { linear, exponential } = policy.backoff ?? {};
    const factor = linear !== undefined ? n : exponential !== undefined ? 2 ** (n - 1) : 1;
    const { from, to } = policy.jitter ?? {};
    const jitter = from === undefined ? 0 : ms(from) + this.world.random() * (ms(to) - ms(from));
    return ms(policy.delay) * factor + jitter;
  }

  private mayRetry(policy: Loose, made: number, elapsed: number, input: unknown, variables: Variables) {
    const { attempt, duration: whole } = policy.limit ?? {};
    return (
      made < (attempt?.count ?? Number.POSITIVE_INFINITY) &&
      [attempt?.duration, whole].every(
        (limit) => limit === undefined || elapsed <= duration(limit, input, variables),
      )
    );
  }

  private raised(error: Loose, input: unknown, variables: Variables): Fault {
    const definition = typeof error === 'string' ? this.document.use?.errors?.[error] : error;
    const { type, status, title, detail } = fill(definition, input, variables) as Loose;
    return new Fault({ type, status, title, detail });
  }

  private emit(attributes: Loose, input: unknown, variables: Variables) {
    const { namespace, name, version } = this.document.document;
    this.events += 1;
    const event = {
      specversion: '1.0',
      id: `event-${this.events}`,
      source: `/${namespace}/${name}/${version}`,
      time: this.moment().iso8601,
      ...(fill(attributes, input, variables) as Record<string, unknown>),
    };
    this.world.publish(event);
    return event;
  }

  private async call(task: Loose, input: unknown, scope: Scope, variables: () => Variables) {
    const args = fill(task.with ?? {}, input, variables());
    const own = this.document.use?.functions?.[task.call];
    if (own !== undefined) {
      const inner = { ...scope, variables: {} };
      const { data, then } = await this.task(task.call, own, `/use/functions/${task.call}`, args, inner);
      if (then === 'end') throw new Ended(data);
      return data;
    }
    const found = /^([\w-]+):1\.0\.0@default$/.exec(task.call)?.[1];
    const body = found === undefined ? undefined : this.world.functions[found];
    if (body === undefined) throw standard('configuration', `no function ${task.call}`);
    return (await body(args, scope.signal)) ?? null;
  }

  /** Does `work`, and raises `timeout` if it takes longer. */
  private timed<T>(
    timeout: Loose,
    pointer: string,
    data: unknown,
    scope: Scope,
    work: (scope: Scope) => Promise<T>,
  ): Promise<T> {
    if (timeout === undefined) return work(scope);
    const { after } = typeof timeout === 'string' ? this.document.use.timeouts[timeout] : timeout;
    const variables = { ...this.always, ...scope.variables, context: this.context };
    return within(scope, (inner) => {
      const { clock } = this.world;
      return new Promise<T>((resolve, reject) => {
        const late = standard('timeout');
        late.instance = pointer;
        const timer = clock.setTimeout(() => reject(late), duration(after, data, variables));
        work(inner)
          .finally(() => clock.clearTimeout(timer))
          .then(resolve, reject);
      });
    });
  }

  private moment() {
    const ms = this.world.clock.now();
    return {
      iso8601: new Date(ms).toISOString(),
      epoch: { seconds: Math.floor(ms / 1000), milliseconds: ms },
    };
  }
}

/** Does `work` of the component at `pointer`. */
function placed<T>(pointer: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Fault) error.instance ??= pointer;
    throw error;
  }
}

const truthy = (value: unknown) => value !== null && value !== false;

/** A scope of its own inside `scope`: whatever is still at work in it when it is left is stopped. */
async function within<T>(scope: Scope, work: (inner: Scope) => Promise<T>): Promise<T> {
  const own = new AbortController();
  const pass = () => own.abort(CANCELLED);
  if (scope.signal.aborted) throw CANCELLED;
  scope.signal.addEventListener('abort', pass, { once: true });
  try {
    return await work({ ...scope, signal: own.signal });
  } finally {
    scope.signal.removeEventListener('abort', pass);
    own.abort(CANCELLED);
  }
}
