import { parse } from 'yaml';
import { durationMs } from '../../src/workflow/index.ts';

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
  /** What is beyond the conformance kit: how it ended, what became of tasks, how long it took by its clock. */
  cancelled?: boolean;
  ended?: Array<{ name: string; how: string }>;
  tookMs?: number;
  /** Why it was not begun. */
  refused?: string;
  /** What it was started with, where a schedule started it. */
  starts?: unknown[];
  /** What peers were asked: `METHOD /path`. */
  asked?: string[];
}

/** What a scenario needs beside its workflow, and what happens while that runs. */
export interface Around {
  /** Other documents of the pool. */
  workflows: string[];
  /** Functions of the catalogue, by `name/version`. */
  functions: Record<string, string>;
  secrets: Record<string, unknown>;
  /** Events that come, each after a time, ms. */
  events: Array<{ afterMs: number; event: Record<string, unknown> }>;
  cancelAfterMs?: number;
  /** The workflow is started by its schedule, for as long. */
  scheduledMs?: number;
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
    /^the workflow should be cancelled$/,
    () =>
      ({ cancelled }) => ({ actual: cancelled, expected: true }),
  ],
  [
    /^the workflow should be refused since '(.+)'$/,
    ([, reason = '']) =>
      ({ refused = '' }) => ({ actual: refused.includes(reason) ? reason : refused, expected: reason }),
  ],
  [
    /^the workflow should take (P\w+)$/,
    ([, duration]) =>
      ({ tookMs }) => ({ actual: tookMs, expected: durationMs(duration) }),
  ],
  [
    /^the workflow should have been started (\d+) times?$/,
    ([, count]) =>
      ({ starts }) => ({ actual: starts?.length, expected: Number(count) }),
  ],
  [
    /^the workflow should have been started with:$/,
    (_, document) =>
      ({ starts }) => ({ actual: starts, expected: document }),
  ],
  [
    /^the peer should have been asked:$/,
    (_, document) =>
      ({ asked }) => ({ actual: asked, expected: document }),
  ],
  [
    /^(\w+) should (not run|run once|run (\d+) times)$/,
    ([, name, how, count]) =>
      ({ started }) => ({
        actual: started.filter((one) => one === name).length,
        expected: how === 'not run' ? 0 : Number(count ?? 1),
      }),
  ],
  [
    /^(\w+) should be (completed|faulted|cancelled)$/,
    ([, name, how]) =>
      ({ ended }) => ({ actual: ended?.findLast((one) => one.name === name)?.how, expected: how }),
  ],
  [
    /^(\w+) should run before (\w+)$/,
    ([, name = '', later = '']) =>
      ({ started }) => ({
        actual: started.includes(name) && started.indexOf(name) < started.indexOf(later),
        expected: true,
      }),
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

/** Steps that say what is around a workflow and what happens to it. */
const SETTINGS: Array<[RegExp, (around: Around, match: string[], document: string) => void]> = [
  [/^another workflow with definition:$/, ({ workflows }, _, document) => void workflows.push(document)],
  [
    /^a catalogue with the function '([^']+)':$/,
    ({ functions }, [, name = ''], document) => {
      functions[name] = document;
    },
  ],
  [
    /^the secret '(\w+)' is:$/,
    ({ secrets }, [, name = ''], document) => {
      secrets[name] = parse(document);
    },
  ],
  [
    /^after (P\w+) the event comes:$/,
    ({ events }, [, after], document) =>
      void events.push({ afterMs: durationMs(after), event: parse(document) }),
  ],
  [
    /^the workflow is cancelled after (P\w+)$/,
    (around, [, after]) => {
      around.cancelAfterMs = durationMs(after);
    },
  ],
  [
    /^the workflow is scheduled for (P\w+)$/,
    (around, [, length]) => {
      around.scheduledMs = durationMs(length);
    },
  ],
];

/** Definition, input, surroundings and expectations of a scenario. @throws Error for a step that is not known. */
export function planOf(scenario: Scenario): {
  definition: string;
  input: unknown;
  expectations: Expectation[];
  around: Around;
} {
  let definition = '';
  let input: unknown = null;
  const around: Around = { workflows: [], functions: {}, secrets: {}, events: [] };
  const expectations: Expectation[] = [];
  for (const { text, document } of scenario.steps) {
    if (text === 'a workflow with definition:') definition = document ?? '';
    else if (text === 'the workflow input is:') input = parse(document ?? '');
    else if (text !== 'the workflow is executed') {
      const setting = SETTINGS.find(([pattern]) => pattern.test(text));
      if (setting !== undefined) {
        const [pattern, set] = setting;
        set(around, [...(pattern.exec(text) ?? [])], document ?? '');
        continue;
      }
      const found = PATTERNS.map(([pattern, make]) => ({ match: pattern.exec(text), make })).find(
        ({ match }) => match !== null,
      );
      if (!found?.match) throw new Error(`no such step: ${text}`);
      expectations.push(found.make([...found.match], document === undefined ? undefined : parse(document)));
    }
  }
  return { definition, input, expectations, around };
}
