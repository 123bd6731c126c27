import type { Refusal, Verdict } from '../../../machines/protocols/tool-call.machine.ts';
import type { Identity } from '../session/server-session.ts';
import type { NfTool } from '../tools/types.ts';
import type { ExpertModel } from './expert.ts';
import type { Authoriser } from './policy.ts';
import { SbiFailure } from './sbi-failure.ts';
import type { StateSource } from './state.ts';
import { type CompiledTool, compileTool } from './verify.ts';

const kept = new WeakMap<NfTool, CompiledTool>();

function compiled(tool: NfTool): CompiledTool {
  const found = kept.get(tool) ?? compileTool(tool);
  kept.set(tool, found);
  return found;
}

/**
 * A step of a composite tool, looked at like a call of its own: schema, constraints, permission, the operator's
 * limits under the step's own name, the expert model. What a human would have to decide is refused here: it can be
 * asked for by its own name, where the approval is seen for what it is.
 * @returns the arguments to execute. @throws SbiFailure STEP_REFUSED
 */
export async function admitStep(
  services: { authoriser: Authoriser; expert: ExpertModel; state: StateSource },
  identity: Identity,
  tool: NfTool,
  args: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Record<string, unknown>> {
  const { authoriser, expert, state } = services;
  const { effects, nf, permission } = tool.meta;
  const facts = { tool: tool.name, agent: identity.agent, args, nf: nf.map(({ type }) => type) };
  const known = state.read(facts);
  const verified = compiled(tool).verify(args, known);
  settle(verified.verdict);
  settle(authoriser.decide(tool.name, permission, identity, verified.args, known));
  if (effects === 'read') return verified.args;
  const said = await expert.judge(
    { tool: tool.name, effects, args: verified.args, state: known, doubt: null },
    signal,
  );
  if (said.decision === 'refuse')
    throw refused(`${said.reason} (${said.parameter}; allowed: ${said.allowed})`);
  if (said.decision === 'undecided') throw refused(`a human must decide: ${said.question}`);
  return verified.args;
}

function settle(verdict: Verdict): void {
  if (verdict.decision === 'refuse') throw refused(worded(verdict.refusal));
  if (verdict.decision === 'ask') throw refused(`a human must decide: ${verdict.question}`);
}

const worded = ({ step, message, parameter, allowed }: Refusal) =>
  `${step}: ${message} (${parameter}; allowed: ${allowed})`;

const refused = (message: string) =>
  new SbiFailure({ code: 'STEP_REFUSED', message, retryable: false, executed: 'no' });
