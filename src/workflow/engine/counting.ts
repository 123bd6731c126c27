import type { Evaluator } from '../expressions.ts';

/** An evaluator that tells when an evaluation begins and when it is over. */
export function counting(evaluator: Evaluator, changed: (by: 1 | -1) => void): Evaluator {
  const counted = <T>(work: Promise<T>): Promise<T> => {
    changed(1);
    return work.finally(() => changed(-1));
  };
  return {
    ...evaluator,
    evaluate: (expression, data, variables) => counted(evaluator.evaluate(expression, data, variables)),
    fill: (template, data, variables) => counted(evaluator.fill(template, data, variables)),
  };
}
