import type { CallRequest } from '../session/server-session.ts';
import type { Plan } from './approvals.ts';

/** A question to a human about one plan. */
export interface Question {
  plan: Plan;
  planHash: string;
  text: string;
}

/** Asks a human of the operator; rejects where nobody can be asked. */
export type Approve = (question: Question, signal: AbortSignal) => Promise<HumanAnswer>;

export interface HumanAnswer {
  approved: boolean;
  /** Who answered, for the audit log. */
  approver: string;
}

const FORM = {
  type: 'object',
  properties: {
    approve: { type: 'boolean', title: 'Approve this call', default: false },
    name: { type: 'string', title: 'Your name', maxLength: 64 },
  },
  required: ['approve'],
};
const ARGS_SHOWN = 1_000;

/**
 * The human at the client of the caller by elicitation (NetMCP 3) where that client offers it, else the
 * operator's. Only a plain yes is a yes. @throws if nobody can be asked
 */
export async function askHuman(
  question: Question,
  ask: CallRequest['ask'],
  operator: Approve | undefined,
  signal: AbortSignal,
): Promise<HumanAnswer> {
  const { tool, agent, args } = question.plan;
  const shown = JSON.stringify(args).slice(0, ARGS_SHOWN);
  const message = `${question.text}\nCall: ${tool} ${shown}\nPlan: ${question.planHash.slice(0, 16)}`;
  const asked = ask?.(
    'elicitation/create',
    { mode: 'form', message, requestedSchema: FORM },
    { timeoutMs: 120_000 },
  );
  if (asked === undefined || asked === null) {
    if (operator === undefined) throw new Error('no human can be asked');
    return operator(question, signal);
  }
  const answer = await asked;
  const content = (typeof answer.content === 'object' ? answer.content : null) as Record<
    string,
    unknown
  > | null;
  const name = typeof content?.name === 'string' ? content.name.slice(0, 64) : '';
  return {
    approved: answer.action === 'accept' && content?.approve === true,
    approver: `${name || 'a human'} at ${agent}`,
  };
}
