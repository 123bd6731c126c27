import { Worker } from 'node:worker_threads';
import type { Clock } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { isExpression } from './dsl/parts.ts';

export type Variables = Record<string, unknown>;

export interface Evaluator {
  /** One jq expression, with or without its `${ }`; exactly one output is required. */
  evaluate(expression: string, data: unknown, variables: Variables): Promise<unknown>;
  /** A value in which each string that is wholly `${ ... }` is an expression. Text of the data is never evaluated. */
  fill(template: unknown, data: unknown, variables: Variables): Promise<unknown>;
  /**
   * What keeps each text from being an expression with the variables that it is given; nothing is run.
   * @returns one for each, undefined where it is one
   */
  compile(
    expressions: ReadonlyArray<{ text: string; variables: readonly string[] }>,
  ): Promise<Array<string | undefined>>;
  close(): Promise<void>;
}

/** Expressions that are compiled in one turn of the worker. */
const COMPILED = 100;

/** An expression that takes longer is stopped, and its worker replaced; others go on in the next one. */
const LIMIT_MS = 1_000;
/** Expressions that the worker has at once: the next is there when it ends one. */
const IN_FLIGHT = 2;
const CLOSED = 'the engine was closed';

interface Job {
  resolve(value: unknown): void;
  reject(error: unknown): void;
  /** Runs from when the worker begins with it. */
  timer: unknown;
  expression: string;
  request: { id: number; expression: string; data: unknown; variables: Variables; programs?: unknown[] };
}

interface Answer {
  id: number;
  begun?: boolean;
  value?: unknown;
  problem?: string;
}

/**
 * Evaluates jq in a worker thread, so that an endless or greedy expression costs a worker and not the
 * runtime. Plain paths and comparisons with a literal are read here: most conditions are no more than that.
 */
export function createEvaluator({ clock }: { clock: Clock }): Evaluator {
  let worker: Worker | undefined;
  let seq = 0;
  /** What waits, by instance: one after the other has its turn, however much one of them asks for. */
  const queues = new Map<string, Job[]>();
  const inFlight = new Map<number, Job>();
  /** What the worker is at. */
  let current: number | undefined;

  const failJob = (id: number, problem: string) => {
    const job = inFlight.get(id);
    if (job === undefined) return;
    inFlight.delete(id);
    clock.clearTimeout(job.timer);
    job.reject(fail('WORKFLOW_EXPRESSION', { expression: job.expression, problem }));
  };
  const start = () => {
    const started = new Worker(new URL('./jq-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: 256 },
    });
    started.unref();
    started.on('message', ({ id, begun, value, problem }: Answer) => {
      const job = inFlight.get(id);
      if (job === undefined || worker !== started) return;
      if (begun === true) {
        current = id;
        job.timer = clock.setTimeout(() => dropped(`took longer than ${LIMIT_MS} ms`), LIMIT_MS);
        return;
      }
      if (problem === undefined) {
        inFlight.delete(id);
        clock.clearTimeout(job.timer);
        job.resolve(value);
      } else failJob(id, problem);
      current = undefined;
      dispatch();
    });
    started.on('error', (error) => {
      if (worker === started) dropped(error.message);
    });
    started.on('exit', () => {
      if (worker === started) dropped('its worker ended');
    });
    return started;
  };
  /** Only who was at work pays: those that wait are given to a new worker. */
  const dropped = (problem: string) => {
    void stop();
    // A worker that ends before it begins cannot say with what.
    for (const id of current === undefined ? [...inFlight.keys()] : [current]) failJob(id, problem);
    current = undefined;
    if (inFlight.size > 0) worker = start();
    for (const { request } of inFlight.values()) worker?.postMessage(request);
    dispatch();
  };
  const stop = () => {
    const stopped = worker;
    worker = undefined;
    return stopped?.terminate();
  };
  const dispatch = () => {
    while (inFlight.size < IN_FLIGHT) {
      const [first] = queues;
      if (first === undefined) return;
      const [owner, queue] = first;
      const job = queue.shift() as Job;
      // Behind all others for the next one.
      queues.delete(owner);
      if (queue.length > 0) queues.set(owner, queue);
      try {
        worker ??= start();
        worker.postMessage(job.request);
        inFlight.set(job.request.id, job);
      } catch (error) {
        const problem = `its data are no JSON (${error instanceof Error ? error.message : String(error)})`;
        job.reject(fail('WORKFLOW_EXPRESSION', { expression: job.expression, problem }));
      }
    }
  };
  const inWorker = (expression: string, data: unknown, variables: Variables, programs?: unknown[]) =>
    new Promise<unknown>((resolve, reject) => {
      seq += 1;
      const request = {
        id: seq,
        expression,
        data: data ?? null,
        variables: named(expression, variables),
        ...(programs && { programs }),
      };
      const owner = String((variables.workflow as { id?: unknown } | undefined)?.id ?? '');
      const queue = queues.get(owner) ?? [];
      queue.push({ resolve, reject, timer: undefined, expression, request });
      queues.set(owner, queue);
      dispatch();
    });

  const evaluator: Evaluator = {
    async evaluate(expression, data, variables) {
      const bare = strip(expression);
      const fast = quick(bare, data, variables);
      return fast === SLOW ? inWorker(bare, data, variables) : fast;
    },
    async fill(template, data, variables) {
      if (typeof template === 'string') {
        return isExpression(template) ? evaluator.evaluate(template, data, variables) : template;
      }
      if (Array.isArray(template)) {
        return Promise.all(template.map((item) => evaluator.fill(item, data, variables)));
      }
      if (template !== null && typeof template === 'object') {
        const filled = await Promise.all(
          Object.entries(template).map(async ([key, value]) => [
            key,
            await evaluator.fill(value, data, variables),
          ]),
        );
        return Object.fromEntries(filled);
      }
      return template;
    },
    async compile(expressions) {
      const programs = expressions.flatMap(({ text, variables }, index) => {
        const bare = strip(text);
        if (isQuick(bare, variables)) return [];
        const names = variableNames(bare).filter((name) => variables.includes(name));
        return [{ index, text: bare, variables: names }];
      });
      const found: Array<string | undefined> = expressions.map(() => undefined);
      for (let first = 0; first < programs.length; first += COMPILED) {
        const some = programs.slice(first, first + COMPILED);
        const answers = (await inWorker('', null, {}, some)) as Array<string | null>;
        answers.forEach((one, at) => {
          const index = some[at]?.index;
          if (index !== undefined) found[index] = one ?? undefined;
        });
      }
      return found;
    },
    async close() {
      const waiting = [...queues.values()].flat();
      queues.clear();
      for (const id of [...inFlight.keys()]) failJob(id, CLOSED);
      for (const { expression, reject } of waiting) {
        reject(fail('WORKFLOW_EXPRESSION', { expression, problem: CLOSED }));
      }
      await stop();
    },
  };
  return evaluator;
}

/** The variables that an expression names: others would be copied to the worker for nothing. */
function named(expression: string, variables: Variables): Variables {
  const names = new Set(variableNames(expression));
  return Object.fromEntries(Object.entries(variables).filter(([name]) => names.has(name)));
}

const variableNames = (expression: string): string[] => [
  ...new Set((expression.match(/\$[A-Za-z_]\w*/g) ?? []).map((name) => name.slice(1))),
];

export { isExpression };

function strip(expression: string): string {
  const match = /^\s*\$\{([\s\S]*)\}\s*$/.exec(expression);
  return (match?.[1] ?? expression).trim();
}

/** Marks what the fast way does not answer. */
const SLOW = Symbol('slow');
const PATH = /^(?:\.|(\$[A-Za-z_]\w*)?((?:\.[A-Za-z_]\w*|\[\d+\])*))$/;
// Only literals that jq and JSON read alike.
const COMPARISON =
  /^(\S+)\s*(==|!=)\s*("[^"\\\p{Cc}]*"|-?(?:0|[1-9]\d{0,14})(?:\.\d{1,9})?|true|false|null)$/u;

/** Plain paths, and their equality with a literal; everything else, and every error, is jq's. */
export function quick(expression: string, data: unknown, variables: Variables): unknown {
  const comparison = COMPARISON.exec(expression);
  if (comparison) {
    const [, path = '', operator, literal = ''] = comparison;
    const value = walk(path, data, variables);
    if (value === SLOW || (value !== null && typeof value === 'object')) return SLOW;
    return (value === JSON.parse(literal)) === (operator === '==');
  }
  return walk(expression, data, variables);
}

/** Whether `quick` reads an expression, whatever the data are. */
function isQuick(expression: string, variables: readonly string[]): boolean {
  const [, variable] = PATH.exec(COMPARISON.exec(expression)?.[1] ?? expression) ?? [];
  if (variable !== undefined) return variables.includes(variable.slice(1));
  return PATH.test(expression) && expression.startsWith('.');
}

function walk(path: string, data: unknown, variables: Variables): unknown {
  const match = PATH.exec(path);
  if (match === null || path === '') return SLOW;
  const [, variable, steps = ''] = match;
  if (variable === undefined && path !== '.' && !path.startsWith('.')) return SLOW;
  if (variable !== undefined && !Object.hasOwn(variables, variable.slice(1))) return SLOW;
  let value: unknown = (variable === undefined ? data : variables[variable.slice(1)]) ?? null;
  for (const step of steps.match(/\.[A-Za-z_]\w*|\[\d+\]/g) ?? []) {
    if (value === null) continue;
    if (step.startsWith('[')) {
      if (!Array.isArray(value)) return SLOW;
      value = value[Number(step.slice(1, -1))] ?? null;
    } else {
      if (typeof value !== 'object' || Array.isArray(value)) return SLOW;
      const key = step.slice(1);
      value = Object.hasOwn(value, key) ? ((value as Record<string, unknown>)[key] ?? null) : null;
    }
  }
  return value;
}
