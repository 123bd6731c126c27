import type { z } from 'zod';
import { expect, skip } from '../../conformance/check.ts';
import type { Tool } from '../session/server-session.ts';
import type { Answer, Json, Listener, Offering, Probe } from './probe.ts';

/** What the checks of one server share. */
export interface ServerContext {
  url: string;
  patienceMs: number;
  /** A session that negotiated all features. */
  probe: Probe;
  /** `tools/list` of it. */
  tools: Tool[];
  /** A tool that reads, with arguments that it takes; undefined if the server has none that can be called. */
  sample: { tool: Tool; args: Json } | undefined;
  /** Another session. */
  open(offering?: Offering): Promise<Probe>;
  /** A session of another agent; skips the check where a token says who asks. */
  stranger(): Promise<Probe>;
  /** Runs `work` with another session and its stream of notifications. */
  listening<T>(work: (probe: Probe, stream: Listener) => Promise<T>): Promise<T>;
}

export const show = (value: unknown) => JSON.stringify(value)?.slice(0, 300) ?? 'nothing';

export function expectResult(answer: Answer): Json {
  expect(
    answer.json?.result !== undefined,
    () => `expected a result, got HTTP ${answer.status} ${show(answer.json)}`,
  );
  return answer.json.result;
}

export function expectError(answer: Answer, code: number, what: string): void {
  expect(
    answer.json?.error?.code === code,
    () => `${what}: expected the error ${code}, got ${show(answer.json)}`,
  );
}

/** The result, read by its schema. */
export function expectShape<T extends z.ZodType>(answer: Answer, schema: T, what: string): z.infer<T> {
  const result = expectResult(answer);
  const read = schema.safeParse(result);
  expect(read.success, () => `${what}: ${read.error?.issues[0]?.path.join('.')} of ${show(result)}`);
  return read.data;
}

/** Skips where the server did not name the feature. */
export function needs({ probe }: ServerContext, feature: string): void {
  if (!probe.features().includes(feature)) skip(`the server has not the feature ${feature}`);
}

/** The tool that the checks may execute, with its arguments. */
export function sampleOf({ sample }: ServerContext) {
  if (sample === undefined) skip('no reading tool could be called; name one with --tool and --args');
  return { name: sample.tool.name, tool: sample.tool, args: sample.args };
}
