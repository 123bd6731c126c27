import { NetAgentError } from '../failure.ts';
import type { TaskResult } from './task.messages.ts';

/** The result of work that threw: the text for people, the code for programs. */
export function failureResult(error: unknown): TaskResult {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof NetAgentError)) return { state: 'failed', text };
  return { state: 'failed', text, data: { code: error.code, details: error.details } };
}
