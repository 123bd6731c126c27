import { expect } from '../../conformance/check.ts';
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
