import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail } from '../errors.ts';
import { type CompiledWorkflow, compileWorkflow } from './engine/compiled.ts';

/**
 * Compiles every workflow document of a folder, by name; of two versions the newer.
 * @throws WORKFLOW_INVALID naming the file and the line.
 */
export function loadTemplates(dir: string): Map<string, CompiledWorkflow> {
  const templates = new Map<string, CompiledWorkflow>();
  let names: string[];
  try {
    names = readdirSync(dir);
  } catch (error) {
    throw fail('WORKFLOW_INVALID', { file: dir, where: 'the folder', problem: (error as Error).message });
  }
  for (const name of names.filter((one) => /\.ya?ml$/.test(one)).sort()) {
    const file = join(dir, name);
    const workflow = compileWorkflow(readFileSync(file, 'utf8'), file);
    const present = templates.get(workflow.name);
    if (present === undefined || newer(workflow.version, present.version))
      templates.set(workflow.name, workflow);
  }
  return templates;
}

function newer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
