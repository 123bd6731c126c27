import { z } from 'zod';
import { notSettable } from './rules.ts';
import type { Bounds, Parameters } from './types.ts';

const answer = z.strictObject({
  proposals: z
    .array(
      z.strictObject({
        parameters: z.record(z.string().max(64), z.number()),
        reason: z.string().max(2000).default(''),
      }),
    )
    .min(1)
    .max(5),
});

export interface Proposal {
  parameters: Parameters;
  /** What the proposer wrote: shown, never acted upon. */
  note: string;
}

const MOST_SHOWN = 200;

/** Checks what a proposer answered; what is out of bounds is refused, not bent. */
export function readProposals(text: unknown, bounds: Bounds): { proposals: Proposal[]; refused: string[] } {
  const read = answer.safeParse(text);
  if (!read.success) {
    const issue = read.error.issues[0];
    return {
      proposals: [],
      refused: [`its answer has not the form: ${issue?.path.join('.')} ${issue?.message}`],
    };
  }
  const proposals: Proposal[] = [];
  const refused: string[] = [];
  for (const { parameters, reason } of read.data.proposals) {
    const wrong = notSettable(parameters, bounds);
    if (wrong.length > 0 || Object.keys(parameters).length === 0) {
      refused.push(
        `a proposal is out of bounds: ${wrong.map((name) => name.slice(0, 64)).join(', ') || 'empty'}`,
      );
    } else proposals.push({ parameters, note: plain(reason) });
  }
  return { proposals, refused };
}

const plain = (text: string) => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').slice(0, MOST_SHOWN);
