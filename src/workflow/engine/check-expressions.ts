import type { Problem } from '../dsl/check.ts';
import { expressionsOf } from '../dsl/expressions.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import type { Evaluator } from '../expressions.ts';

/** What of jq is no part of an instance: a run that is repeated would not repeat it. */
const AMBIENT = /(?<![.$\w])(now|env|\$ENV)\b(?!\s*:)/;

/**
 * What of a document's expressions cannot run: each is compiled with the variables of its place and not run.
 * Warnings for what reads time or environment, and for text that was perhaps meant as an expression.
 */
export async function checkExpressions(
  document: WorkflowDocument,
  evaluator: Pick<Evaluator, 'compile'>,
): Promise<Problem[]> {
  const { expressions, lookalikes } = expressionsOf(document);
  const found = await evaluator.compile(expressions.map(({ text, variables }) => ({ text, variables })));
  const problems: Problem[] = [];
  expressions.forEach(({ pointer, text }, index) => {
    const problem = found[index];
    if (problem !== undefined) {
      problems.push({ pointer, problem: `the expression ${explained(problem)}`, severity: 'error' });
      return;
    }
    const ambient = AMBIENT.exec(program(text))?.[1];
    if (ambient !== undefined) {
      problems.push({
        pointer,
        problem: `${ambient} is not of the instance: $task.startedAt and $runtime are`,
        severity: 'warning',
      });
    }
  });
  for (const pointer of lookalikes) {
    problems.push({
      pointer,
      problem: 'is text: an expression is the whole of a text, as in ${ "a " + .b }',
      severity: 'warning',
    });
  }
  return problems;
}

const explained = (problem: string): string =>
  problem.includes('$secrets')
    ? `${problem}: secrets are read by if, input.from and authentication alone`
    : problem;

/** An expression without its texts; what is computed within a text stays. */
function program(expression: string): string {
  let kept = '';
  /** Of each text that is open: parentheses open within what it computes; none while it is text. */
  const texts: number[] = [];
  for (let at = 0; at < expression.length; at += 1) {
    const letter = expression[at] as string;
    const depth = texts.at(-1);
    if (depth === 0) {
      if (letter === '\\') {
        at += 1;
        if (expression[at] === '(') texts[texts.length - 1] = 1;
      } else if (letter === '"') texts.pop();
      continue;
    }
    kept += letter;
    if (letter === '"') texts.push(0);
    else if (depth !== undefined) {
      if (letter === '(') texts[texts.length - 1] = depth + 1;
      else if (letter === ')') texts[texts.length - 1] = depth - 1;
    }
  }
  return kept;
}
