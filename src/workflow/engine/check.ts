import { PROTOCOLS, type Protocol } from '../calls/types.ts';
import { CATALOGUED, resourceOf } from '../dsl/outside.ts';
import type { PlacedProblem } from '../dsl/parse.ts';
import type { SchemaSpec } from '../dsl/types.ts';
import type { CompiledWorkflow } from './compiled.ts';
import type { Schemas } from './schemas.ts';
import type { EngineOptions } from './types.ts';

/** What this engine lacks for a workflow. */
export function checkSupport(
  { document, tasks }: CompiledWorkflow,
  options: EngineOptions,
  functions: ReadonlyMap<string, unknown>,
  schemas: Pick<Schemas, 'problem'>,
): PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const add = (pointer: string, problem: string) =>
    problems.push({ line: 0, pointer, problem, severity: 'error' });
  for (const name of document.use?.secrets ?? []) {
    if (options.secret?.(name) === undefined) add('/use/secrets', `there is no secret "${name}" here`);
  }
  const schema = (spec: SchemaSpec | undefined, pointer: string) => {
    const problem = spec === undefined ? undefined : schemas.problem(spec);
    if (problem !== undefined) add(pointer, problem);
  };
  schema(document.input?.schema, '/input/schema');
  schema(document.output?.schema, '/output/schema');
  for (const [pointer, { task }] of tasks) {
    for (const part of ['input', 'output', 'export'] as const) {
      schema(task[part]?.schema, `${pointer}/${part}/schema`);
    }
    if (('emit' in task || 'listen' in task) && options.events === undefined) {
      add(pointer, 'events are neither sent nor listened to here');
    }
    if ('run' in task) {
      const { workflow, script, shell } = task.run;
      if (workflow !== undefined) {
        const { namespace, name, version } = workflow;
        if (options.workflows?.(namespace, name, version) === undefined) {
          add(`${pointer}/run/workflow`, `no workflow ${namespace}/${name} ${version} is here`);
        }
      }
      if ((script ?? shell) !== undefined && options.processes === undefined) {
        add(`${pointer}/run`, 'processes are not run here');
      }
      if (script?.source !== undefined && options.texts === undefined) {
        add(`${pointer}/run/script/source`, 'scripts from elsewhere are not read here');
      }
    }
    if (!('call' in task)) continue;
    if ((PROTOCOLS as readonly string[]).includes(task.call)) {
      const { calls } = options;
      if (calls === undefined || calls.lacking?.includes(task.call as Protocol))
        add(`${pointer}/call`, `calls over ${task.call} are not made here`);
      continue;
    }
    const use = document.use ?? {};
    if (Object.hasOwn(use.functions ?? {}, task.call)) continue;
    if (typeof resourceOf(task.call, use) === 'object') {
      if (options.resources === undefined)
        add(`${pointer}/call`, 'functions from elsewhere are not read here');
      continue;
    }
    const [, name = '', , catalogue] = CATALOGUED.exec(task.call) ?? [];
    if (catalogue === 'default' && !functions.has(name)) {
      const known = [...functions.keys()].sort().join(', ') || 'none';
      add(`${pointer}/call`, `no function "${name}" in the default catalogue (${known})`);
    }
  }
  return problems;
}
