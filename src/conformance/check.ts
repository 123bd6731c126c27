/** The frame of a conformance kit: checks that pass, fail or do not apply, and a report of them. */

export interface Check<C> {
  /** Stable name, `group.item`. */
  id: string;
  /** Where it is written: the profile's item, or a clause of a specification. */
  source: string;
  level: 'core' | 'extended' | 'recommended';
  /** What must hold, as a sentence. */
  says: string;
  /** @throws Failed, and Skipped where it does not apply */
  run(context: C): Promise<void>;
}

export interface Finding {
  id: string;
  source: string;
  level: Check<unknown>['level'];
  says: string;
  outcome: 'pass' | 'fail' | 'skip';
  detail: string;
}

/** What was expected and what came instead. */
export class Failed extends Error {}

/** Why a check does not apply. */
export class Skipped extends Error {}

export function skip(reason: string): never {
  throw new Skipped(reason);
}

export function expect(holds: boolean, otherwise: () => string): asserts holds {
  if (!holds) throw new Failed(otherwise());
}

/** Runs the checks one after the other: what one leaves behind must not disturb the next. */
export async function runChecks<C>(
  checks: ReadonlyArray<Check<C>>,
  context: C,
  onFinding: (finding: Finding) => void,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { id, source, level, says, run } of checks) {
    let outcome: Finding['outcome'] = 'pass';
    let detail = '';
    try {
      await run(context);
    } catch (error) {
      outcome = error instanceof Skipped ? 'skip' : 'fail';
      detail = error instanceof Error ? error.message : String(error);
    }
    const finding = { id, source, level, says, outcome, detail };
    findings.push(finding);
    onFinding(finding);
  }
  return findings;
}
