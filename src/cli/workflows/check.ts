import { checkWorkflow, readTemplate } from '../../workflow/index.ts';
import type { Output } from '../output.ts';
import type { Problem, Workflows } from './client.ts';
import { readText } from './source.ts';
import { isCode } from './templates.ts';

/**
 * `netagent workflows check FILE...`: what is wrong with documents, without a runtime; where one is there also what it
 * lacks to run them. Exit code 1 if one of them would not run.
 */
export async function checkFiles(workflows: Workflows, files: string[], output: Output): Promise<number> {
  let asked: boolean | undefined;
  const count = { error: 0, warning: 0 };
  for (const file of files) {
    const source = readText(file);
    const name = file === '-' ? 'standard input' : file;
    const problems: Problem[] = checkWorkflow(source).problems;
    if (!problems.some(({ severity }) => severity === 'error')) {
      const template = readTemplate(source, file);
      if ('problem' in template) {
        const { line, reason } = template.problem;
        problems.push({ line, pointer: '', problem: reason, severity: 'error' });
      } else if (asked !== false) {
        const here = await lackedHere(workflows, source);
        asked = here !== undefined;
        const seen = new Set(problems.map(keyOf));
        problems.push(...(here ?? []).filter((one) => !seen.has(keyOf(one))));
      }
    }
    for (const one of problems.toSorted((a, b) => a.line - b.line)) {
      count[one.severity] += 1;
      const place = one.pointer === '' ? '' : ` (${one.pointer})`;
      output.text(
        `${name}:${one.line}: ${one.severity === 'warning' ? 'warning: ' : ''}${one.problem}${place}`,
      );
      output.value({ type: 'problem', file: name, ...one });
    }
  }
  const documents = files.length === 1 ? '1 document' : `${files.length} documents`;
  const warnings = count.warning === 1 ? '1 warning' : `${count.warning} warnings`;
  const errors = count.error === 1 ? '1 error' : `${count.error} errors`;
  const how =
    asked === false ? ' No runtime was there: what it lacks, such as a function, was not looked at.' : '';
  output.text(`${documents}, ${errors}, ${warnings}.${how}`);
  output.value({
    type: 'result',
    valid: count.error === 0,
    documents: files.length,
    errors: count.error,
    warnings: count.warning,
    runtime: asked === true,
  });
  return count.error === 0 ? 0 : 1;
}

const keyOf = ({ pointer, problem }: Problem) => `${pointer} ${problem}`;

/** What the runtime lacks; undefined where there is none. */
async function lackedHere(workflows: Workflows, source: string): Promise<Problem[] | undefined> {
  try {
    return await workflows.check(source);
  } catch (error) {
    if (isCode(error, 'RUNTIME_NOT_FOUND', 'GATEWAY_NOT_FOUND', 'GATEWAY_STARTING')) return undefined;
    throw error;
  }
}
