import { randomUUID } from 'node:crypto';
import { type Check, expect, skip } from '../../conformance/check.ts';
import {
  ERROR_NOT_OWNER,
  EXTENSION,
  METHODS,
  resultMetaSchema,
  routeExecuteResultSchema,
} from '../schema/index.ts';
import {
  expectError,
  expectResult,
  expectShape,
  needs,
  type ServerContext,
  sampleOf,
  show,
} from './context.ts';
import type { Json } from './probe.ts';
import { chooseSample } from './sample.ts';

const execute = async ({ probe }: ServerContext, params: Json) =>
  expectShape(await probe.ask(METHODS.routeExecute, params), routeExecuteResultSchema, 'route/execute');

/** The sample, or where it has no arguments another reading tool that has some and can be called. */
async function withArguments(context: ServerContext): Promise<{ name: string; args: Json }> {
  const sample = sampleOf(context);
  if (Object.keys(sample.args).length > 0) return sample;
  const other = chooseSample(
    context.tools.filter(({ inputSchema }) => ((inputSchema.required ?? []) as string[]).length > 0),
  );
  if (other === undefined) return sample;
  const { name } = other.tool;
  const { json } = await context.probe.call(name, other.args);
  return json?.result !== undefined && json.result.isError !== true ? { name, args: other.args } : sample;
}

/**
 * Two calls of a tool, the later one first in the plan. It has its arguments out of references to the
 * earlier one, whose output they do not change: any reading tool will do.
 */
function plan({ name, args }: { name: string; args: Json }): Json[] {
  const referred = Object.entries(args).map(([key, value]) => [
    key,
    { $from: 'first', at: '/netmcp-conformance/absent', default: value },
  ]);
  const second = { id: 'second', tool: name, arguments: Object.fromEntries(referred) };
  return [
    { ...second, when: 'steps.first.state == "done" && !steps.first.isError' },
    { id: 'first', tool: name, arguments: args },
  ];
}

/** The anchor (NetMCP 6). Only the reading sample is executed. */
export const ROUTE_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'route.call',
    source: 'NetMCP 6',
    level: 'core',
    says: 'route/call answers like tools/call: the same result for the same key, with server and chain',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const meta = { version: '1.0', idempotencyKey: randomUUID() };
      const direct = expectResult(await context.probe.call(name, args, meta));
      const params = { tool: name, arguments: args, _meta: { [EXTENSION]: meta } };
      const routed = expectResult(await context.probe.ask(METHODS.routeCall, params));
      expect(
        routed.isError !== true &&
          JSON.stringify(routed.structuredContent) === JSON.stringify(direct.structuredContent),
        () => `tools/call gave ${show(direct)}, route/call ${show(routed)}`,
      );
      const own = resultMetaSchema.safeParse((routed._meta as Json | undefined)?.[EXTENSION]);
      expect(own.success, () => `the result names no server and chain: ${show(routed._meta)}`);
    },
  },
  {
    id: 'route.unknown-tool',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a tool that no server has is an error of route/call, and a failed step of route/execute',
    async run(context) {
      needs(context, 'route');
      const tool = 'netmcp_conformance_absent';
      const answer = await context.probe.ask(METHODS.routeCall, { tool });
      expect(
        answer.json?.error !== undefined || answer.json?.result?.isError === true,
        () => `it was executed: ${show(answer.json)}`,
      );
      const { state, steps } = await execute(context, { steps: [{ id: 'absent', tool }] });
      const [step] = steps;
      expect(
        state === 'failed' && step?.state === 'failed' && step.problem !== '',
        () => `the execution: ${show({ state, steps })}`,
      );
    },
  },
  {
    id: 'route.execute',
    source: 'NetMCP 6',
    level: 'core',
    says: 'steps run after those that they refer to; one result has output and server of each',
    async run(context) {
      needs(context, 'route');
      const { state, steps, anchor } = await execute(context, { steps: plan(await withArguments(context)) });
      expect(state === 'done' && anchor !== '', () => `the execution: ${show({ state, anchor, steps })}`);
      expect(
        steps.map(({ id }) => id).join() === 'second,first',
        () => `steps of the answer: ${show(steps.map(({ id }) => id))}`,
      );
      for (const step of steps) {
        expect(step.state === 'done', () => `step ${step.id}: ${step.state}, ${step.problem}`);
        expect(step.server !== '', () => `step ${step.id} names no server`);
        expect(step.output !== null, () => `step ${step.id} has no output`);
      }
    },
  },
  {
    id: 'route.reference',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a reference that leads nowhere and has no default fails its step',
    async run(context) {
      needs(context, 'route');
      const { name, args } = await withArguments(context);
      const [key = 'netmcp_conformance'] = Object.keys(args);
      const lost = { ...args, [key]: { $from: 'first', at: '/netmcp-conformance/absent' } };
      const first = { id: 'first', tool: name, arguments: args };
      const { state, steps } = await execute(context, {
        steps: [first, { id: 'second', tool: name, arguments: lost }],
      });
      const step = steps.find(({ id }) => id === 'second');
      expect(
        state === 'failed' && step?.state === 'failed' && step.problem !== '',
        () => `the execution is ${state}, the step ${show(step)}`,
      );
    },
  },
  {
    id: 'route.value',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a reference passes on the value that it leads to, before its default',
    async run(context) {
      needs(context, 'route');
      const { name, args } = await withArguments(context);
      const first = { id: 'first', tool: name, arguments: args };
      const alone = await execute(context, { steps: [first] });
      const output = (alone.steps[0]?.output ?? {}) as Json;
      const key = Object.keys(args).find((one) => typeof output[one] === typeof args[one]);
      if (key === undefined) skip('no tool that reads has an output that it takes as an argument');
      // Null is no value of that argument: who prefers the default is refused.
      const passed = { ...args, [key]: { $from: 'first', at: `/${key}`, default: null } };
      const { steps } = await execute(context, {
        steps: [first, { id: 'second', tool: name, arguments: passed }],
      });
      const step = steps.find(({ id }) => id === 'second');
      expect(step?.state === 'done', () => `the step that takes ${show(output[key])}: ${show(step)}`);
      // A tool that gives its argument back shows what it was.
      const echoes = output[key] === args[key];
      const came = (step?.output as Json | null)?.[key];
      expect(!echoes || came === output[key], () => `${show(output[key])} was passed as ${show(came)}`);
    },
  },
  {
    id: 'route.undo',
    source: 'NetMCP 6',
    level: 'core',
    says: 'where a step fails that compensates, what was done before is undone as the plan says',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const call = { tool: name, arguments: args };
      const last = {
        id: 'last',
        tool: 'netmcp_conformance_absent',
        after: ['first'],
        onError: 'compensate',
      };
      const { state, steps } = await execute(context, {
        steps: [{ id: 'first', ...call, undo: call }, last],
      });
      const states = steps.map((step) => `${step.id} ${step.state}`).join();
      expect(
        state === 'failed' && states === 'first undone,last failed',
        () => `the execution is ${state}: ${states}`,
      );
    },
  },
  {
    id: 'route.join',
    source: 'NetMCP 6',
    level: 'core',
    says: 'who asks for an execution that is running gets its result, and it runs once',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const params = { executionId: randomUUID(), steps: [{ id: 'only', tool: name, arguments: args }] };
      const [one, other] = await Promise.all([execute(context, params), execute(context, params)]);
      expect(
        one.state === 'done' && JSON.stringify(one.steps) === JSON.stringify(other.steps),
        () => `one got ${show(one.steps)}, the other ${show(other.steps)}`,
      );
    },
  },
  {
    id: 'route.condition',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a step whose condition is false is skipped, and the whole is done',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const first = { id: 'first', tool: name, arguments: args };
      const second = { id: 'second', tool: name, arguments: args, when: 'steps.first.state == "failed"' };
      const { state, steps } = await execute(context, { steps: [first, second] });
      const skipped = steps.find(({ id }) => id === 'second');
      expect(
        skipped?.state === 'skipped' && skipped.chain.length === 0,
        () => `the step whose condition is false: ${show(skipped)}`,
      );
      expect(state === 'done', () => `the execution is ${state}`);
    },
  },
  {
    id: 'route.replay',
    source: 'NetMCP 6',
    level: 'core',
    says: 'the same executionId gives the stored result; with other steps it is refused (-32602)',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const executionId = randomUUID();
      const steps = [{ id: 'only', tool: name, arguments: args }];
      const first = await execute(context, { executionId, steps });
      const second = await execute(context, { executionId, steps });
      expect(first.executionId === executionId, () => `the answer is of ${first.executionId}`);
      expect(
        JSON.stringify(first.steps) === JSON.stringify(second.steps),
        () => `first ${show(first.steps)}, then ${show(second.steps)}`,
      );
      const other = { executionId, steps: [{ id: 'other', tool: name, arguments: args }] };
      expectError(await context.probe.ask(METHODS.routeExecute, other), -32602, 'the id with other steps');
    },
  },
  {
    id: 'route.plan',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a plan that cannot be run is refused (-32602) before anything is done',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const step = (id: string, more: Json = {}) => ({ id, tool: name, arguments: args, ...more });
      const wrong: Array<[string, unknown]> = [
        ['no steps', []],
        ['two steps of one id', [step('a'), step('a')]],
        ['a circle', [step('a', { after: ['b'] }), step('b', { after: ['a'] })]],
        ['an unknown step', [step('a', { after: ['b'] })]],
        ['a broken condition', [step('a', { when: 'steps.' })]],
      ];
      for (const [what, steps] of wrong)
        expectError(await context.probe.ask(METHODS.routeExecute, { steps }), -32602, what);
    },
  },
  {
    id: 'route.stale-epoch',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a step of an anchor that has lost its role is refused (-32011)',
    async run(context) {
      const { name, args } = sampleOf(context);
      const id = randomUUID();
      const at = (epoch: number) => context.probe.call(name, args, { execution: { id, epoch } });
      expectResult(await at(5));
      expectError(await at(4), ERROR_NOT_OWNER, 'epoch 4 after epoch 5');
      expectResult(await at(6));
    },
  },
  {
    id: 'route.resume',
    source: 'NetMCP 6',
    level: 'core',
    says: 'who does not know what a lost anchor has done refuses to resume (-32011)',
    async run(context) {
      needs(context, 'route');
      const { name, args } = sampleOf(context);
      const answer = await context.probe.ask(METHODS.routeExecute, {
        executionId: randomUUID(),
        steps: [{ id: 'only', tool: name, arguments: args }],
        resume: { from: 'netmcp-conformance-absent' },
      });
      expectError(answer, ERROR_NOT_OWNER, 'to resume from a server that nobody knows');
    },
  },
];
