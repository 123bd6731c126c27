import { checkWorkflow, readTemplate } from '../../workflow/index.ts';
import type { Output } from '../output.ts';
import type { Problem, Workflows } from './client.ts';
import { isCode } from './templates.ts';

/**
 * `netagent workflows check FILE...`: what is wrong with documents, without a runtime; where one is there also what it
 * lacks to run them. Exit code 1 if one of them would not run.
 */
export async function checkSources(
  workflows: Workflows,
  sources: ReadonlyArray<{ file: string; text: string }>,
  output: Output,
): Promise<number> {
  let asked = true;
  const count = { error: 0, warning: 0 };
  for (const { file, text } of sources) {
    const name = file === '-' ? 'standard input' : file;
    const found: Problem[] | undefined = asked ? await foundThere(workflows, text) : undefined;
    asked = found !== undefined;
    // What may run is the operator's choice: where a runtime is there, it knows.
    const problems = [...(found ?? checkWorkflow(text).problems)];
    if (!problems.some(({ severity }) => severity === 'error')) problems.push(...asTemplate(text, file));
    for (const one of problems.toSorted((a, b) => a.line - b.line)) {
      count[one.severity] += 1;
      const place = one.pointer === '' ? '' : ` (${one.pointer})`;
      output.text(
        `${name}:${one.line}: ${one.severity === 'warning' ? 'warning: ' : ''}${one.problem}${place}`,
      );
      output.value({ type: 'problem', file: name, ...one });
    }
  }
  const many = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`;
  const how = asked ? '' : ' No runtime was there: what it may lack, such as a function, was not looked at.';
  output.text(
    `${many(sources.length, 'document')}, ${many(count.error, 'error')}, ${many(count.warning, 'warning')}.${how}`,
  );
  output.value({
    type: 'result',
    valid: count.error === 0,
    documents: sources.length,
    errors: count.error,
    warnings: count.warning,
    runtime: asked,
  });
  return count.error === 0 ? 0 : 1;
}

/** What would keep a good document out of the pool: its metadata. */
function asTemplate(text: string, file: string): Problem[] {
  // What only this runtime allows, such as shell commands, is no matter of metadata.
  if (checkWorkflow(text).problems.some(({ severity }) => severity === 'error')) return [];
  const read = readTemplate(text, file);
  if ('template' in read) return [];
  const { line, reason } = read.problem;
  return [{ line, pointer: '', problem: reason, severity: 'error' }];
}

/** What the runtime finds; undefined where there is none. */
async function foundThere(workflows: Workflows, source: string): Promise<Problem[] | undefined> {
  try {
    return await workflows.check(source);
  } catch (error) {
    if (isCode(error, 'RUNTIME_NOT_FOUND', 'GATEWAY_NOT_FOUND', 'GATEWAY_STARTING')) return undefined;
    throw error;
  }
}
