import { createActor, fromPromise, toPromise } from 'xstate';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  type ToolCallOutput,
  toolCallMachine,
  type Verdict,
} from '../../../machines/protocols/tool-call.machine.ts';
import type { CallMeta, ChainEntry } from '../schema/index.ts';
import type { CallRequest } from '../session/server-session.ts';
import type { SbiRequest, SbiResponse, ToolContext } from '../tools/types.ts';
import { type Approvals, planHash } from './approvals.ts';
import { type Audit, type AuditEvent, noAudit } from './audit.ts';
import type { ExpertModel } from './expert.ts';
import { type Approve, askHuman } from './human.ts';
import { uuidOf } from './idempotency.ts';
import type { Authoriser } from './policy.ts';
import { answeredBad, SbiFailure } from './sbi-failure.ts';
import type { CallFacts, StateSource } from './state.ts';
import { admitStep } from './step.ts';
import { type CompiledTool, refuse } from './verify.ts';
import { type CallEnd, wordEnd } from './wording.ts';

/** How tools reach network functions: discovery at the NRF, then one request. */
export interface SbiPort {
  /** @throws SbiFailure if no answer came */
  request(request: SbiRequest, options: { signal: AbortSignal; traceparent?: string }): Promise<SbiResponse>;
  close(): Promise<void>;
}

/** What the calls of one server share. */
export interface CallServices {
  env: Env;
  serverId: string;
  sbi: SbiPort;
  authoriser: Authoriser;
  expert: ExpertModel;
  state: StateSource;
  approvals: Approvals;
  /** A human of the operator, asked where the client cannot put the question. */
  approve: Approve | undefined;
  audit: Audit;
}

export interface OneCall {
  request: CallRequest;
  compiled: CompiledTool;
  /** As the agent gave them, without nulls. */
  args: Record<string, unknown>;
  meta: CallMeta;
  /** Called before anything leaves that changes the network. */
  mark(): void;
}

/** A call on its way: what it has become, beside the chart. */
interface Running extends CallServices, OneCall {
  agent: string;
  chain: ChainEntry[];
  /** With the parameters that the server filled. */
  filled: Record<string, unknown>;
  /** The network as it was known when the call came. */
  known: ReturnType<StateSource['read']>;
  sent: boolean;
}

const planOf = (running: Running) => planHash(planned(running));

/** Runs one call through its chart and words the result (NetMCP 3). */
export async function runCall(services: CallServices, call: OneCall): Promise<CallEnd> {
  const { env, serverId, state } = services;
  const { compiled, request, meta } = call;
  const { tool } = compiled;
  const { agent } = request.identity;
  const running: Running = {
    ...services,
    ...call,
    agent,
    chain: [],
    filled: call.args,
    known: state.read(factsOf({ compiled, agent, filled: call.args })),
    sent: false,
  };
  const actor = createActor(callMachine, {
    input: {
      call: running,
      effects: tool.meta.effects,
      idempotent: tool.idempotent,
      dryRun: meta.dryRun ?? false,
      deadlineMs: meta.deadline ?? 30_000,
    },
    clock: env.clock,
  });
  actor.subscribe({
    next: progressOf(request),
    error: (error) => env.log.error({ tool: tool.name, error: String(error) }, 'call actor failed'),
  });
  const cancel = () => actor.send({ type: 'CANCEL' });
  const done = toPromise(actor);
  actor.start();
  if (request.signal.aborted) cancel();
  request.signal.addEventListener('abort', cancel, { once: true });
  try {
    const end = await done;
    const { chain, sent } = running;
    const output = end.end === 'succeeded' ? (end.result as Record<string, unknown>) : null;
    state.note(factsOf(running), { output, chain });
    tell(running, end);
    return wordEnd(end, { serverId, tool, chain, plan: () => planOf(running), sent });
  } finally {
    request.signal.removeEventListener('abort', cancel);
  }
}

const factsOf = ({
  compiled: { tool },
  agent,
  filled,
}: Pick<Running, 'compiled' | 'agent' | 'filled'>): CallFacts => ({
  tool: tool.name,
  agent,
  args: filled,
  nf: tool.meta.nf.map(({ type }) => type),
});

const planned = ({ agent, compiled, filled }: Running) => ({ agent, tool: compiled.tool.name, args: filled });

/** Provided once: to provide for each call would build all states of the chart anew. */
const callMachine = toolCallMachine.provide({
  actors: {
    verify: step<Verdict>(async (running) => {
      const { verdict, args } = running.compiled.verify(running.args, running.known);
      running.filled = args;
      return verdict;
    }),
    authorise: step<Verdict>(async ({ authoriser, compiled: { tool }, request, filled, known }) =>
      authoriser.decide(tool.name, tool.meta.permission, request.identity, filled, known),
    ),
    judge: step<Verdict, { doubt: string | null }>(async (running, { doubt }, signal) => {
      const { tool } = running.compiled;
      const { effects } = tool.meta;
      // What only reads cannot harm the network.
      if (effects === 'read' && doubt === null) return { decision: 'allow' };
      const said = await running.expert.judge(
        { tool: tool.name, effects, args: running.filled, state: running.known, doubt },
        signal,
      );
      if (said.decision === 'allow') return said;
      if (said.decision === 'undecided') return { decision: 'ask', question: said.question };
      const { parameter, rule, reason, allowed } = said;
      return refuse({ step: 'expert', parameter, rule, allowed, message: reason });
    }),
    redeem: step<Verdict, { question: string }>(async (running, { question }) => {
      const { meta, agent, approvals } = running;
      const { approval } = meta;
      if (approval === undefined) return { decision: 'ask', question };
      const holder = meta.idempotencyKey ?? running.env.ids.uuid();
      const used = meta.dryRun === true ? null : `${agent}\n${running.compiled.tool.name}\n${holder}`;
      const redeemed = await approvals.redeem(approval, planned(running), used);
      if ('approver' in redeemed) {
        note(running, 'approval.given', redeemed.approver);
        return { decision: 'allow' };
      }
      note(running, 'approval.refused', redeemed.refused);
      return refuse({
        step: 'approval',
        parameter: 'approval',
        rule: 'one approval, one plan, one time',
        allowed: 'a new approval of this plan by an approver of the operator',
        message: redeemed.refused,
      });
    }),
    escalate: step<boolean, { question: string }>(async (running, { question: text }, signal) => {
      note(running, 'approval.asked', text);
      const question = { plan: planned(running), planHash: planOf(running), text };
      const answer = await askHuman(question, running.request.ask, running.approve, signal);
      // Who answers after the time does not approve: the chart has left this state.
      if (!signal.aborted)
        note(running, answer.approved ? 'approval.given' : 'approval.refused', answer.approver);
      return answer.approved;
    }),
    execute: step<unknown, { attempt: number }>((running, _, signal) => execute(running, signal)),
  },
});

/** An effect of the chart, on the call that the chart hands on. */
function step<T, I extends object = object>(
  work: (running: Running, input: I, signal: AbortSignal) => Promise<T>,
) {
  return fromPromise<T, I & { call: unknown }>(({ input, signal }) =>
    work(input.call as Running, input, signal),
  );
}

function note(running: Running, event: AuditEvent['event'], detail?: string) {
  const { audit, serverId, agent, compiled } = running;
  if (audit === noAudit) return;
  audit.write({
    event,
    server: serverId,
    agent,
    tool: compiled.tool.name,
    plan: planOf(running),
    ...(detail !== undefined && { detail: detail.slice(0, 300) }),
  });
}

/** Refusals and effects go into the audit log; the requester hears of what did not succeed. */
function tell(running: Running, end: ToolCallOutput): void {
  const { compiled, request, serverId } = running;
  const tool = compiled.tool.name;
  if (end.end === 'refused') {
    note(running, 'call.refused', `${end.refusal.step}: ${end.refusal.rule}`);
    request.log?.('warning', serverId, { tool, refused: end.refusal.step, parameter: end.refusal.parameter });
  }
  if (end.end === 'failed')
    request.log?.('error', serverId, { tool, failed: end.failure.code, executed: end.failure.executed });
  if (running.sent) note(running, 'effect.ended', end.end);
}

const STEPS = ['verifying', 'authorising', 'judging', 'redeeming', 'escalating', 'deciding', 'executing'];

/** Progress by the states of the chart, each said once. */
function progressOf(request: CallRequest) {
  let last = 0;
  return ({ value }: { value: unknown }) => {
    const state = typeof value === 'object' && value !== null ? (value as { working?: string }).working : '';
    const progress = STEPS.indexOf(state ?? '') + 1;
    if (progress <= last) return;
    last = progress;
    request.progress({ progress, total: STEPS.length, message: state as string });
  };
}

async function execute(running: Running, signal: AbortSignal): Promise<unknown> {
  try {
    return await running.compiled.tool.execute(running.filled, contextOf(running, signal));
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const last = running.chain.at(-1);
    running.env.log.warn(
      { tool: running.compiled.tool.name, problem: z.prettifyError(error) },
      'unreadable NF answer',
    );
    throw new SbiFailure({
      code: 'NF_ANSWER_UNREADABLE',
      message: `the answer of ${last?.nf ?? 'the network'} to ${last?.operation ?? 'the request'} cannot be read`,
      retryable: false,
      executed: 'maybe',
    });
  }
}

/** Nothing leaves that could not be written down first. */
function begin(running: Running): void {
  try {
    note(running, 'effect.begun');
    running.mark();
    running.sent = true;
  } catch (error) {
    running.env.log.error({ error: String(error) }, 'effect not written down, so not executed');
    throw new SbiFailure({
      code: 'NOT_WRITTEN_DOWN',
      message: 'the server cannot write down what it is about to do',
      retryable: false,
      executed: 'no',
    });
  }
}

function contextOf(running: Running, signal: AbortSignal): ToolContext {
  const { env, meta, compiled, agent, chain } = running;
  const key = meta.idempotencyKey;
  let ids = 0;
  const context: ToolContext = {
    signal,
    async step(tool, args) {
      const filled = await admitStep(running, running.request.identity, tool, args, signal);
      return tool.execute(filled, context);
    },
    async hop(nf, operation, work) {
      if (compiled.tool.meta.effects !== 'read' && !running.sent) begin(running);
      const began = env.clock.now();
      const entry: ChainEntry = { nf, operation, status: 0, ms: 0 };
      chain.push(entry);
      try {
        const { status, value } = await work();
        entry.status = status;
        return value;
      } finally {
        entry.ms = env.clock.now() - began;
      }
    },
    id() {
      ids += 1;
      return key === undefined ? env.ids.uuid() : uuidOf(`${agent}\n${compiled.tool.name}\n${key}\n${ids}`);
    },
    async sbi(request) {
      if (compiled.tool.meta.effects !== 'read' && request.method !== 'GET' && !running.sent) {
        begin(running);
      }
      const began = env.clock.now();
      const record = (status: number) =>
        chain.push({ nf: request.nf, operation: request.operation, status, ms: env.clock.now() - began });
      try {
        const answer = await running.sbi.request(request, {
          signal,
          ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
        });
        record(answer.status);
        if (answer.status >= 400)
          throw answeredBad(request.nf, request.operation, answer.status, answer.body);
        return answer;
      } catch (error) {
        if (!(error instanceof SbiFailure) || error.failure.code === 'NF_NOT_REACHED') record(0);
        throw error;
      }
    },
  };
  return context;
}
