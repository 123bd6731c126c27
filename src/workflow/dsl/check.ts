import { checkCall } from '../calls/check.ts';
import { PROTOCOLS } from '../calls/types.ts';
import { addressProblem } from '../calls/uri.ts';
import { checkEvents, checkSchedule } from './check-events.ts';
import { resourceOf } from './outside.ts';
import { bodies, entries, token } from './scopes.ts';
import type { Resource, Task, TaskList, Use, WorkflowDocument } from './types.ts';

export interface Problem {
  /** JSON Pointer into the document. */
  pointer: string;
  problem: string;
  /** A warning does not keep a document from running. */
  severity: 'error' | 'warning';
}

/** What a runtime lets documents run beside calls and workflows; both are off unless it says so. */
export interface RunPolicy {
  shell?: boolean;
  /** Languages of scripts: `js`, `python`. */
  scripts?: readonly string[];
}

const DIRECTIVES = new Set(['continue', 'exit', 'end']);
const MAX_TASKS = 2_000;
const MAX_DEPTH = 40;
/** Variables that every expression has; another value under one of these names would never be seen. */
const OWN_VARIABLES = new Set([
  'context',
  'input',
  'output',
  'task',
  'workflow',
  'runtime',
  'secrets',
  'authorization',
]);

/**
 * What is wrong with a document beyond its shape: names, references, and what cannot run here. A document
 * without errors runs; nothing is found out half-way.
 */
export function checkDocument(document: WorkflowDocument, policy: RunPolicy = {}): Problem[] {
  const problems: Problem[] = [];
  const add = (pointer: string, problem: string, severity: Problem['severity'] = 'error') =>
    problems.push({ pointer, problem, severity });
  const use: Use = document.use ?? {};
  let count = 0;

  if (!/^1\.0\.\d/.test(document.document.dsl)) {
    add('/document/dsl', `DSL ${document.document.dsl} is not run here; 1.0.0 to 1.0.3 are`);
  }
  const { language = 'jq', mode = 'strict' } = document.evaluate ?? {};
  if (language !== 'jq') add('/evaluate/language', `expressions are jq; ${language} is not run here`);
  if (mode !== 'strict') add('/evaluate/mode', 'the mode is strict: an expression stands in ${ }');
  named(document.timeout, use.timeouts, '/timeout', 'use.timeouts');
  checkSchedule(document.schedule, add);
  resource(document.input?.schema?.resource, '/input/schema/resource');
  resource(document.output?.schema?.resource, '/output/schema/resource');
  scope(document.do, '/do', 1);
  for (const [name, task] of Object.entries(use.functions ?? {})) {
    const at = `/use/functions/${token(name)}`;
    one(task, at, 1);
    if (PROTOCOLS.includes(name as never)) add(at, `${name} is the name of a protocol`);
    if (task.then !== undefined && !DIRECTIVES.has(task.then)) {
      add(`${at}/then`, 'a function stands alone: there is no task to go to');
    }
    if (leads(name, name, [])) add(at, `the function ${name} calls itself`);
  }
  (use.extensions ?? []).forEach((entry, index) => {
    for (const [name, extension] of Object.entries(entry)) {
      for (const place of ['before', 'after'] as const) {
        const list = extension[place];
        if (list) scope(list, `/use/extensions/${index}/${token(name)}/${place}`, 1);
      }
    }
  });
  for (const [name, { endpoint }] of Object.entries(use.catalogs ?? {})) {
    secretsOf({ endpoint }, `/use/catalogs/${token(name)}`);
  }
  for (const [name, policyOf] of Object.entries(use.authentications ?? {})) {
    secretsOf(policyOf, `/use/authentications/${token(name)}`);
  }
  if (count > MAX_TASKS) add('/do', `${count} tasks; ${MAX_TASKS} at most`);
  return problems;

  function scope(list: TaskList, pointer: string, depth: number, first = 0): void {
    const tasks = entries(list, pointer, first);
    const names = new Set<string>();
    if (depth > MAX_DEPTH) {
      add(pointer, `nested ${depth} deep; ${MAX_DEPTH} at most`);
      return;
    }
    for (const { name, pointer: at } of tasks) {
      if (names.has(name)) add(at, `two tasks of a scope have the same name "${name}"`);
      if (DIRECTIVES.has(name)) add(at, `"${name}" is a flow directive, not a name`);
      if (name.startsWith('$')) add(at, 'a name does not begin with $');
      names.add(name);
    }
    const target = (to: string | undefined, at: string) => {
      if (to !== undefined && !DIRECTIVES.has(to) && !names.has(to)) {
        add(at, `then: no task "${to}" in this scope`);
      }
    };
    for (const { task, pointer: at } of tasks) {
      target(task.then, `${at}/then`);
      if ('switch' in task) {
        task.switch.forEach((one, index) => {
          for (const [name, { then }] of Object.entries(one)) {
            target(then, `${at}/switch/${index}/${token(name)}/then`);
          }
        });
      }
      if ('try' in task) target(task.catch.then, `${at}/catch/then`);
      one(task, at, depth);
    }
    unreached(tasks, add);
  }

  function one(task: Task, at: string, depth: number): void {
    count += 1;
    named(task.timeout, use.timeouts, `${at}/timeout`, 'use.timeouts');
    if ('raise' in task) named(task.raise.error, use.errors, `${at}/raise/error`, 'use.errors');
    if ('try' in task) named(task.catch.retry, use.retries, `${at}/catch/retry`, 'use.retries');
    if ('call' in task) call(task, at);
    if ('run' in task) run(task, at);
    checkEvents(task, at, add);
    for (const part of ['input', 'output', 'export'] as const) {
      resource(task[part]?.schema?.resource, `${at}/${part}/schema/resource`);
    }
    for (const [place, name] of variablesOf(task)) {
      if (OWN_VARIABLES.has(name)) add(`${at}/${place}`, `$${name} is a variable of the runtime`);
    }
    if ('fork' in task) {
      const names = task.fork.branches.flatMap((branch) => Object.keys(branch));
      if (new Set(names).size !== names.length) add(`${at}/fork/branches`, 'two branches have the same name');
    }
    for (const { list, place, first } of bodies(task)) scope(list, `${at}/${place}`, depth + 1, first);
  }

  function resource(from: Resource | undefined, at: string): void {
    if (from === undefined) return;
    const { endpoint } = from;
    const problem = addressProblem(typeof endpoint === 'string' ? endpoint : endpoint.uri);
    if (problem !== undefined) add(`${at}/endpoint`, problem);
    secretsOf(from, at);
  }

  function named(value: unknown, known: object | undefined, at: string, where: string): void {
    if (typeof value === 'string' && !Object.hasOwn(known ?? {}, value)) {
      add(at, `no "${value}" under ${where}`);
    }
  }

  function call(task: Extract<Task, { call: string }>, at: string): void {
    if (PROTOCOLS.includes(task.call as never)) {
      for (const { path, problem } of checkCall(task.with, task.call)) {
        add(`${at}/with${path.map((key) => `/${token(key)}`).join('')}`, problem);
      }
      secretsOf(task.with, `${at}/with`);
      return;
    }
    if (Object.hasOwn(use.functions ?? {}, task.call)) return;
    const outside = resourceOf(task.call, use);
    if (typeof outside === 'string') add(`${at}/call`, outside);
  }

  function run({ run: what }: Extract<Task, { run: unknown }>, at: string): void {
    if (what.container !== undefined) {
      add(`${at}/run/container`, 'containers are not run here: this runtime has no container engine');
    }
    if (what.shell !== undefined && policy.shell !== true) {
      add(`${at}/run/shell`, 'shell commands are off; the operator allows them with --allow-run shell');
    }
    const script = what.script;
    if (script === undefined) return;
    resource(script.source, `${at}/run/script/source`);
    const name = script.language.replace(/^(javascript|ecmascript)$/i, 'js').toLowerCase();
    if (!['js', 'python'].includes(name)) {
      add(`${at}/run/script/language`, `scripts are js or python, not ${script.language}`);
    } else if (!(policy.scripts ?? []).includes(name)) {
      add(
        `${at}/run/script`,
        `scripts in ${name} are off; the operator allows them with --allow-run ${name}`,
      );
    }
  }

  /** `use: NAME` of an authentication names a policy; `basic: { use: NAME }` a secret. */
  function secretsOf(value: unknown, at: string): void {
    if (value === null || typeof value !== 'object') return;
    for (const [key, inner] of Object.entries(value)) {
      if (key === 'authentication' && inner !== null && typeof inner === 'object') {
        const name = (inner as { use?: unknown }).use;
        if (typeof name === 'string') {
          named(name, use.authentications, `${at}/authentication/use`, 'use.authentications');
        }
      }
      if (['basic', 'bearer', 'digest', 'oauth2', 'oidc'].includes(key)) {
        const name = (inner as { use?: unknown } | null)?.use;
        if (typeof name === 'string' && !(use.secrets ?? []).includes(name)) {
          add(`${at}/${key}/use`, `no "${name}" under use.secrets`);
        }
      }
      secretsOf(inner, `${at}/${token(key)}`);
    }
  }

  /** Whether function `from` leads to a call of `name`. */
  function leads(from: string, name: string, seen: string[]): boolean {
    const task = use.functions?.[from];
    if (task === undefined) return false;
    return called(task).some(
      (next) => next === name || (!seen.includes(next) && leads(next, name, [...seen, next])),
    );
  }
}

/** The names that a task gives to variables of its body, by where it does. */
function variablesOf(task: Task): Array<[string, string]> {
  if ('for' in task) {
    return [
      ['for/each', task.for.each],
      ['for/at', task.for.at],
    ];
  }
  if ('try' in task) return [['catch/as', task.catch.as]];
  if (!('listen' in task) || task.foreach === undefined) return [];
  return [
    ['foreach/item', task.foreach.item],
    ['foreach/at', task.foreach.at],
  ];
}

function called(task: Task): string[] {
  return [
    ...('call' in task ? [task.call] : []),
    ...bodies(task).flatMap(({ list }) => list.flatMap((entry) => Object.values(entry).flatMap(called))),
  ];
}

/** Tasks that no flow leads to. */
function unreached(
  tasks: ReturnType<typeof entries>,
  add: (pointer: string, problem: string, severity: 'warning') => void,
): void {
  const index = new Map(tasks.map(({ name }, at) => [name, at]));
  const seen = new Set<number>();
  const open = tasks.length > 0 ? [0] : [];
  while (open.length > 0) {
    const at = open.pop() as number;
    const task = tasks[at]?.task;
    if (task === undefined || seen.has(at)) continue;
    seen.add(at);
    const go = (to: string) => {
      if (to === 'continue') open.push(at + 1);
      const target = index.get(to);
      if (target !== undefined) open.push(target);
    };
    if (task.if !== undefined) open.push(at + 1);
    if ('switch' in task) {
      const cases = task.switch.flatMap((one) => Object.values(one));
      for (const { then } of cases) go(then);
      if (cases.some(({ when }) => when === undefined)) continue;
    }
    if ('try' in task && task.catch.then !== undefined) go(task.catch.then);
    go(task.then ?? 'continue');
  }
  tasks.forEach(({ name, pointer }, at) => {
    if (!seen.has(at)) add(pointer, `no flow leads to "${name}"`, 'warning');
  });
}
