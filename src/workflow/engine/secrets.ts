import { createHash } from 'node:crypto';
import { NetAgentError } from '../../errors.ts';
import type { Job } from '../chart/types.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import type { Variables } from '../expressions.ts';
import { standardError } from '../fault.ts';
import type { Instance } from './instance.ts';

/** Whether a part of a document reads secrets: `if` and `input.from` may. */
export const needsSecrets = (part: { input?: unknown; if?: unknown; from?: unknown }): boolean =>
  [part.input, part.if, part.from].some(
    (one) => one !== undefined && JSON.stringify(one).includes('$secrets'),
  );

/**
 * The secrets that a document names, or one of them.
 * @throws RaisedError `authorization` 403 for one that is not named by the document or not there
 */
export function secretsOf(
  document: WorkflowDocument,
  read: ((name: string) => unknown) | undefined,
  only?: string,
): Variables {
  const named = document.use?.secrets ?? [];
  if (only !== undefined && !named.includes(only)) {
    throw standardError('authorization', `The secret ${only} is not under use.secrets.`);
  }
  const wanted = only === undefined ? named : [only];
  return Object.fromEntries(
    wanted.map((name) => {
      const value = read?.(name);
      if (value === undefined) throw standardError('authorization', `There is no secret ${name} here.`);
      return [name, value];
    }),
  );
}

/**
 * Evaluates what may read secrets. What jq says of a failure names the values at hand: that stays untold.
 * @throws RaisedError, WORKFLOW_EXPRESSION
 */
export async function discreet<T>(secrets: Variables, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (Object.keys(secrets).length === 0 || !(error instanceof NetAgentError)) throw error;
    if (error.code !== 'WORKFLOW_EXPRESSION') throw error;
    throw standardError('expression', 'An expression that may read secrets failed.', {
      detail: 'WORKFLOW_EXPRESSION',
    });
  }
}

/** The longest key that every receiver takes. */
const MAX_KEY = 200;

/** The same for every start of the same attempt of the same step of the same run of an instance. */
export function keyOf(job: Job, instance: Instance): string {
  const { id, run } = instance.row;
  // An id that looks like another one's second run says which of its own it is in.
  const key = `${id}${run > 0 || /~\d+$/.test(id) ? `~${run}` : ''}:${job.pointer}@${job.path}/${job.step}`;
  if (key.length <= MAX_KEY) return key;
  return `${id.slice(0, 100)}:${createHash('sha256').update(key).digest('hex')}`;
}
