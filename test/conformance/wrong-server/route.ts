import { randomUUID } from 'node:crypto';
import { type Is, type Json, Rpc } from './faults.ts';

interface Step {
  id: string;
  tool: string;
  arguments?: Json;
  after?: string[];
  when?: string;
  onError?: string;
  undo?: { tool: string; arguments?: Json };
}
type Report = Json & { id: string; state: string; output: unknown };
type Reference = { $from?: string; at?: string; default?: unknown };

const TERM = /^(?:steps\.(\w+)\.state == "(\w+)"|!steps\.(\w+)\.isError)$/;
const termsOf = (when: string) => when.split('&&').map((term) => TERM.exec(term.trim()));
const refersTo = (value: unknown) => (value as Reference | null)?.$from;

/** The anchor (NetMCP 6), with as much of CEL as the kit writes. */
export function wrongRoute(is: Is, callTool: (params: Json) => Json) {
  const executions = new Map<string, { steps: string; result: Json }>();
  /** What begins to run and is held until somebody else asks for it. */
  const held = new Map<string, () => void>();

  function call(params: Json): Json {
    const forget = is('route-forgets-key') ? { _meta: {} } : {};
    const result = callTool({ ...params, name: params.tool, ...forget });
    return is('route-no-meta') ? { ...result, _meta: {} } : result;
  }

  function needsOf({ after = [], when, arguments: args = {} }: Step): string[] {
    const inWhen = when === undefined ? [] : termsOf(when).flatMap((term) => term?.[1] ?? term?.[3] ?? []);
    return [...after, ...inWhen, ...Object.values(args).flatMap((value) => refersTo(value) ?? [])];
  }

  /** Every step after those that it needs. @throws Rpc when the plan cannot be run */
  function ordered(steps: Step[]): Step[] {
    const wrong = (what: string) => {
      if (!is('any-plan')) throw new Rpc(-32602, what);
    };
    if (steps.length === 0) wrong('No steps');
    const ids = new Set(steps.map(({ id }) => id));
    if (ids.size < steps.length) wrong('Two steps of one id');
    for (const step of steps) {
      if (step.when !== undefined && termsOf(step.when).includes(null)) wrong('A broken condition');
      if (needsOf(step).some((id) => !ids.has(id))) wrong('An unknown step');
    }
    const done: Step[] = [];
    const left = [...steps];
    while (left.length > 0) {
      const at = left.findIndex((step) => needsOf(step).every((id) => done.some((one) => one.id === id)));
      if (at < 0 && !is('takes-circles')) wrong('A circle');
      done.push(...left.splice(Math.max(0, at), 1));
    }
    return is('runs-as-given') ? steps : done;
  }

  function run(step: Step, reports: Report[]): Report {
    const of = (id: string | undefined) => reports.find((one) => one.id === id);
    const report = {
      id: step.id,
      tool: step.tool,
      server: '',
      output: null,
      problem: '',
      chain: [],
      replayed: false,
    };
    const holds = termsOf(step.when ?? 'true').every((term) =>
      term === null
        ? true
        : term[1] === undefined
          ? of(term[3])?.state === 'done'
          : of(term[1])?.state === term[2],
    );
    if (!holds && !is('ignores-conditions')) return { ...report, state: 'skipped' };
    const args = Object.entries(step.arguments ?? {}).map(([key, value]) => {
      const from = of(refersTo(value));
      if (from === undefined || is('references-are-raw')) return [key, value];
      const { at = '', default: standard } = value as Reference;
      const field = at === '' ? from.output : (from.output as Json | null)?.[at.slice(1)];
      if (is('references-lose-value') && field !== undefined) return [key, null];
      if (is('default-before-value') && standard !== undefined) return [key, standard];
      return [key, field ?? standard ?? (is('references-to-nothing') ? 1 : undefined)];
    });
    try {
      const result = callTool({ name: step.tool, arguments: Object.fromEntries(args) });
      if (result.isError === true) return { ...report, state: 'failed', problem: 'The tool refused' };
      return {
        ...report,
        state: 'done',
        server: is('step-without-server') ? '' : 'wrong',
        output: is('step-without-output') ? null : result.structuredContent,
      };
    } catch (error) {
      if (is('absent-tool-is-done')) return { ...report, state: 'done' };
      return { ...report, state: 'failed', problem: (error as Error).message };
    }
  }

  /** Undoes what was done, the latest first, if a step failed that asks for it. */
  function compensate(steps: Step[], reports: Report[]): void {
    const failed = reports.filter(({ state }) => state === 'failed').map(({ id }) => id);
    if (is('undoes-nothing') || !steps.some((s) => failed.includes(s.id) && s.onError === 'compensate'))
      return;
    for (const report of reports.toReversed()) {
      const undo = steps.find(({ id }) => id === report.id)?.undo;
      if (report.state !== 'done' || undo === undefined) continue;
      callTool({ name: undo.tool, arguments: undo.arguments ?? {} });
      report.state = 'undone';
    }
  }

  /** Everything runs at once, so only who refuses has to be caught at it. */
  async function execute(params: Json): Promise<Json> {
    const id = String(params.executionId);
    if (!is('running-is-refused')) return runAll(params);
    if (held.has(id)) {
      held.get(id)?.();
      throw new Rpc(-32011, 'It is running');
    }
    await new Promise<void>((resolve) => held.set(id, resolve));
    return runAll(params);
  }

  function runAll(params: Json): Json {
    const { executionId = randomUUID(), steps = [] } = params as { executionId?: string; steps?: Step[] };
    const before = executions.get(executionId);
    if (before !== undefined && !is('executes-anew')) {
      if (before.steps !== JSON.stringify(steps) && !is('id-for-any-steps'))
        throw new Rpc(-32602, 'The id has other steps');
      return before.result;
    }
    if (params.resume !== undefined && !is('resumes-anything')) throw new Rpc(-32011, 'Not the owner');
    const order = ordered(steps);
    const reports: Report[] = [];
    for (const step of order) reports.push(run(step, reports));
    compensate(steps, reports);
    const state = reports.some((one) => one.state === 'failed') ? 'failed' : 'done';
    if (!is('answers-as-run'))
      reports.sort(
        (a, b) => steps.findIndex(({ id }) => id === a.id) - steps.findIndex(({ id }) => id === b.id),
      );
    const result = { executionId, state, anchor: 'wrong', epoch: 1, steps: reports };
    executions.set(executionId, { steps: JSON.stringify(steps), result });
    return result;
  }

  return { call, execute };
}
