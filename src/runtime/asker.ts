import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import { fail } from '../errors.ts';
import { type Answer, ask, type StatusNote } from './agents/ask.ts';
import { systemIds } from './env.ts';
import type { Outcome } from './outcome.ts';

export interface AskRequest {
  text: string;
  /** Continues a task that waits for input. */
  taskId?: string;
  contextId?: string;
}

export interface AskResult {
  state: Answer['state'];
  taskId: string;
  contextId: string;
  text: string;
  /** What is missing, or why it was refused. */
  detail?: unknown;
  outcome?: Outcome;
}

export interface Asker {
  ask(
    request: AskRequest,
    options: { signal: AbortSignal; onProgress: (note: StatusNote) => void },
  ): Promise<AskResult>;
}

/** Asks through any A2A client. A cancelled wait cancels the task, so that nothing stays reserved. */
export function askerOf(client: Client, name: string): Asker {
  return {
    async ask(request, { signal, onProgress }) {
      let taskId = request.taskId;
      const onStatus = (note: StatusNote) => {
        taskId = note.taskId;
        onProgress(note);
      };
      try {
        const answer = await ask(client, request, { ids: systemIds, signal, onStatus });
        return {
          state: answer.state,
          taskId: answer.taskId,
          contextId: answer.contextId,
          text: answer.text,
          detail: answer.statusData,
          ...(answer.state === 'completed' && answer.data !== undefined
            ? { outcome: answer.data as Outcome }
            : {}),
        };
      } catch (error) {
        if (signal.aborted && taskId !== undefined) {
          await client.cancelTask({ tenant: '', id: taskId, metadata: undefined }).catch(() => undefined);
          return {
            state: 'canceled',
            taskId,
            contextId: '',
            text: 'Cancelled; what was reserved is given back.',
          };
        }
        throw fail('AGENT_UNREACHABLE', { agent: name, problem: firstLine(error) }, { cause: error });
      }
    },
  };
}

/** Asks the central agent of a running runtime over HTTP. */
export async function connectAsker(url: string): Promise<Asker> {
  try {
    return askerOf(await new ClientFactory().createFromUrl(url.replace(/\/a2a\/?$/, '')), url);
  } catch (error) {
    throw fail('AGENT_UNREACHABLE', { agent: url, problem: firstLine(error) }, { cause: error });
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
