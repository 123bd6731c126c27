import { parse } from 'yaml';

/** A step of a scenario, with the document that hangs on it. */
export interface Step {
  text: string;
  document: string | undefined;
}

export interface Scenario {
  name: string;
  steps: Step[];
}

/** The scenarios of a Gherkin text, as far as the conformance kit uses it: no outlines, no backgrounds. */
export function readFeature(text: string): Scenario[] {
  const scenarios: Scenario[] = [];
  let block: { indent: number; lines: string[] } | undefined;
  for (const line of text.split('\n')) {
    const bare = line.trim();
    const steps = scenarios.at(-1)?.steps;
    if (bare.startsWith('"""')) {
      if (block === undefined) block = { indent: line.indexOf('"""'), lines: [] };
      else {
        const step = steps?.at(-1);
        if (step !== undefined) step.document = block.lines.join('\n');
        block = undefined;
      }
    } else if (block !== undefined) block.lines.push(line.slice(block.indent));
    else if (bare.startsWith('Scenario:')) scenarios.push({ name: bare.slice(9).trim(), steps: [] });
    else {
      const step = /^(?:Given|When|Then|And) (.*)$/.exec(bare)?.[1];
      if (step !== undefined) steps?.push({ text: step.replace(/^given /, ''), document: undefined });
    }
  }
  return scenarios;
}

/** What a run of a scenario's workflow showed. */
export interface Observed {
  output: unknown;
  fault: Record<string, unknown> | undefined;
  /** Names of the tasks in the order in which they started. */
  started: string[];
}

export type Expectation = (observed: Observed) => { actual: unknown; expected: unknown };

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce((one, key) => (one as Record<string, unknown> | undefined)?.[key], value);

const PATTERNS: Array<[RegExp, (match: string[], document: unknown) => Expectation]> = [
  [
    /^the workflow should complete$/,
    () =>
      ({ fault }) => ({ actual: fault, expected: undefined }),
  ],
  [
    /^the workflow should complete with output:$/,
    (_, document) =>
      ({ output, fault }) => ({ actual: fault ?? output, expected: document }),
  ],
  [
    /^the workflow should fault$/,
    () =>
      ({ fault }) => ({ actual: fault !== undefined, expected: true }),
  ],
  [
    /^the workflow should fault with error:$/,
    (_, document) =>
      ({ fault }) => ({
        actual: Object.fromEntries(Object.keys(document as object).map((key) => [key, fault?.[key]])),
        expected: document,
      }),
  ],
  [
    /^the workflow output should have properties (.*)$/,
    ([, list = '']) =>
      ({ output }) => {
        const names = [...list.matchAll(/'([^']+)'/g)].map(([, name]) => name as string);
        return { actual: names.filter((name) => at(output, name) === undefined), expected: [] };
      },
  ],
  [
    /^the workflow output should have a '([^']+)' property with value:$/,
    ([, name = ''], document) =>
      ({ output }) => ({ actual: at(output, name), expected: document }),
  ],
  [
    /^the workflow output should have a '([^']+)' property containing (\d+) items$/,
    ([, name = '', count]) =>
      ({ output }) => ({
        actual: (at(output, name) as unknown[] | undefined)?.length,
        expected: Number(count),
      }),
  ],
  [
    /^(\w+) should run (first|last)$/,
    ([, name, which]) =>
      ({ started }) => ({ actual: started.at(which === 'first' ? 0 : -1), expected: name }),
  ],
  [
    /^(\w+) should run after (\w+)$/,
    ([, name = '', before = '']) =>
      ({ started }) => ({
        actual: started.includes(before) && started.indexOf(name) > started.indexOf(before),
        expected: true,
      }),
  ],
];

/** Definition, input and expectations of a scenario. @throws Error for a step that is not known. */
export function planOf(scenario: Scenario): {
  definition: string;
  input: unknown;
  expectations: Expectation[];
} {
  let definition = '';
  let input: unknown = null;
  const expectations: Expectation[] = [];
  for (const { text, document } of scenario.steps) {
    if (text === 'a workflow with definition:') definition = document ?? '';
    else if (text === 'the workflow input is:') input = parse(document ?? '');
    else if (text !== 'the workflow is executed') {
      const found = PATTERNS.map(([pattern, make]) => ({ match: pattern.exec(text), make })).find(
        ({ match }) => match !== null,
      );
      if (!found?.match) throw new Error(`no such step: ${text}`);
      expectations.push(found.make([...found.match], document === undefined ? undefined : parse(document)));
    }
  }
  return { definition, input, expectations };
}
