import { PROTOCOLS } from '../calls/types.ts';
import { CATALOGUED } from '../dsl/check.ts';
import type { PlacedProblem } from '../dsl/parse.ts';
import type { CompiledWorkflow } from './compiled.ts';
import type { EngineOptions } from './types.ts';

/** What this engine lacks for a workflow. */
export function checkSupport(
  { document, tasks }: CompiledWorkflow,
  options: EngineOptions,
  functions: ReadonlyMap<string, unknown>,
): PlacedProblem[] {
  const problems: PlacedProblem[] = [];
  const add = (pointer: string, problem: string) =>
    problems.push({ line: 0, pointer, problem, severity: 'error' });
  for (const name of document.use?.secrets ?? []) {
    if (options.secret?.(name) === undefined) add('/use/secrets', `there is no secret "${name}" here`);
  }
  for (const [pointer, { task }] of tasks) {
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
    }
    if (!('call' in task)) continue;
    if ((PROTOCOLS as readonly string[]).includes(task.call)) {
      if (options.calls === undefined) add(`${pointer}/call`, `calls over ${task.call} are not made here`);
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
