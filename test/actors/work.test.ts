import type { Task } from '@a2a-js/sdk';
import { expect, test } from 'vitest';
import { centralMachine } from '../../machines/index.ts';
import { delegate, intentEffects } from '../../src/runtime/actors/index.ts';
import { firstTask, linesOf, serve, settle, stateOf, testEnv } from './kit.ts';

const domain = (log: string[] = []) =>
  serve({
    name: 'RAN',
    skills: ['reserve-radio', 'wait'],
    async runSkill({ skill, input }, { taskId }, { signal, status, artifact }) {
      log.push(`${skill} ${JSON.stringify(input)} ${typeof taskId}`);
      if (skill === 'wait') {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        log.push('stopped');
      }
      status('reserving');
      artifact({ name: skill, text: 'reserved', data: { output: { policyId: 'p1' }, actions: [] } });
      return { state: 'completed', text: 'done' };
    },
  });

test('a domain agent runs the skill that it is instructed to', async () => {
  const log: string[] = [];
  const agent = domain(log);
  await settle();
  const lines = await linesOf(agent.stream({ data: { skill: 'reserve-radio', input: { ratio: 0.2 } } }));
  expect(lines).toEqual([
    'task submitted',
    'status working',
    'status working reserving',
    'artifact reserve-radio reserved',
    'status completed done',
  ]);
  expect(log).toEqual(['reserve-radio {"ratio":0.2} string']);
});

test.each([
  [{ data: { skill: 'fly', input: {} } }, '"fly" is none of them'],
  [{ data: { skill: 'reserve-radio' } }, 'the message has none'],
  [{ text: 'reserve, please' }, 'the message has none'],
])('a domain agent refuses %j', async (ask, reason) => {
  const agent = domain();
  await settle();
  expect((await linesOf(agent.stream(ask))).at(-1)).toBe(
    `status rejected RAN needs a data part {skill, input} with one of the skills reserve-radio, wait; ${reason}.`,
  );
});

test('cancelling a domain task stops its workflow first', async () => {
  const log: string[] = [];
  const agent = domain(log);
  await settle();
  const stream = agent.stream({ data: { skill: 'wait', input: {} } });
  const { id } = await firstTask(stream);
  const rest = linesOf(stream);
  await settle();
  expect(stateOf((await agent.cancel(id)).status?.state)).toBe('canceled');
  expect(log.at(-1)).toBe('stopped');
  expect(await rest).toEqual(['status working', 'status canceled Cancelled.']);
});

function central(log: string[] = []) {
  return serve(
    intentEffects<{ service: string }, { met: number }>({
      async understand({ text, history }) {
        if (text.includes('pizza')) return { kind: 'refused', text: 'not a wish for the network' };
        const known = [...history, text].join(' ');
        return known.includes('eight')
          ? { kind: 'understood', intent: { service: 'conference' } }
          : { kind: 'incomplete', text: 'when?', data: { missing: ['time'] } };
      },
      async assure({ request, intent }, { status, signal }) {
        log.push(`assure ${intent.service}`);
        status('risks', { phase: 'evaluated' });
        status('plan', { phase: 'planned' });
        status('watching', { phase: 'measure' });
        if (request.text.includes('fail')) throw new Error('no radio');
        if (request.text.includes('long')) {
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          await settle();
          log.push('stopped');
        }
        status('looking back', { phase: 'review' });
        return { met: 0.9 };
      },
      async report({ intent, outcome }, { artifact }) {
        artifact({ name: 'outcome', text: `${intent.service} ${outcome.met}`, data: outcome });
        return { state: 'completed', text: 'reported' };
      },
      async release({ request }) {
        log.push(`release ${typeof request.taskId}`);
      },
    }),
    { machine: centralMachine, id: 'netagent/core/central' },
  );
}

test('an intent is clarified, pursued stage by stage, reported, and nothing stays held', async () => {
  const log: string[] = [];
  const agent = central(log);
  await settle();
  const asked = (await agent.send({ text: 'a conference' })) as Task;
  expect(stateOf(asked.status?.state)).toBe('input_required');
  const lines = await linesOf(
    agent.stream({ text: 'at eight', taskId: asked.id, contextId: asked.contextId }),
  );
  expect(lines).toEqual([
    'task submitted',
    'status working',
    'status working risks',
    'status working plan',
    'status working watching',
    'status working looking back',
    'artifact outcome conference 0.9',
    'status completed reported',
  ]);
  expect(log).toEqual(['assure conference', 'release string']);
  const states = agent.host
    .recent()
    .flatMap(({ actor, states }) => (actor === 'perform' ? (states ?? []) : []));
  const seen = [...new Set(states.filter((id) => id.startsWith('intent.')))];
  expect(seen).toEqual(
    expect.arrayContaining(
      ['clarifying', 'reporting', 'releasing', 'reported'].map((key) => `intent.${key}`),
    ),
  );
  expect(seen.filter((id) => id.startsWith('intent.pursuing.'))).toEqual(
    ['planning', 'evaluating', 'assuring', 'monitoring', 'reviewing'].map((key) => `intent.pursuing.${key}`),
  );
});

test('what is no wish for the network is refused; a failure is told, and what was held is released', async () => {
  const log: string[] = [];
  const agent = central(log);
  await settle();
  expect((await linesOf(agent.stream({ text: 'a pizza' }))).at(-1)).toBe(
    'status rejected not a wish for the network',
  );
  expect(log).toEqual([]);
  expect((await linesOf(agent.stream({ text: 'fail at eight' }))).at(-1)).toBe('status failed no radio');
  expect(log).toEqual(['assure conference', 'release string']);
});

test('a cancelled intent stops its workflow, then releases, then is canceled', async () => {
  const log: string[] = [];
  const agent = central(log);
  await settle();
  const stream = agent.stream({ text: 'long at eight' });
  const { id } = await firstTask(stream);
  const rest = linesOf(stream);
  await settle();
  expect(stateOf((await agent.cancel(id)).status?.state)).toBe('canceled');
  expect(log).toEqual(['assure conference', 'stopped', 'release string']);
  expect((await rest).slice(-2)).toEqual(['status working watching', 'status canceled Cancelled.']);
});

test('a subtask is given to another agent once, and exceptions are told', async () => {
  const { env } = testEnv();
  const told: string[] = [];
  const options = {
    env,
    agents: ['netagent/domains/ran', 'netagent/domains/ran-2'] as [string, string],
    instruction: { skill: 'reserve-radio', input: {} },
    limits: { acceptMs: 1000, deadlineMs: 60_000 },
    signal: new AbortController().signal,
    onProgress: (agent: string, { text }: { text: string }) => told.push(`${agent} ${text}`),
    onException: (agent: string, { text }: { text: string }) => told.push(`${agent} ! ${text}`),
  };
  const output = await delegate({
    ...options,
    async assign({ agent }, { accepted, progress, exception }) {
      if (agent === 'netagent/domains/ran') return { state: 'rejected', text: 'busy' };
      accepted('t1');
      progress({ text: 'half' });
      exception({ text: 'cell 3 is down' });
      return { state: 'completed', text: 'done', data: { policyId: 'p1' } };
    },
  });
  expect(output).toEqual({
    agent: 'netagent/domains/ran-2',
    assignments: 2,
    exceptions: [{ text: 'cell 3 is down' }],
    answer: { state: 'completed', text: 'done', data: { policyId: 'p1' } },
  });
  expect(told).toEqual(['netagent/domains/ran-2 half', 'netagent/domains/ran-2 ! cell 3 is down']);
  const failed = await delegate({ ...options, assign: async () => Promise.reject(new Error('unreachable')) });
  expect(failed).toMatchObject({ assignments: 2, answer: { state: 'failed', text: 'unreachable' } });
});

test('a subtask that nobody accepts, that takes too long or is not wanted any more is taken back', async () => {
  const { env, clock } = testEnv();
  const aborted: string[] = [];
  const wanted = new AbortController();
  const start = (accepts: boolean, signal = new AbortController().signal) =>
    delegate({
      env,
      agents: ['netagent/domains/ran'],
      instruction: { skill: 'reserve-radio', input: {} },
      limits: { acceptMs: 1000, deadlineMs: 5000 },
      signal,
      assign: ({ agent }, control) => {
        control.signal.addEventListener('abort', () => aborted.push(agent));
        if (accepts) control.accepted('t1');
        return new Promise(() => undefined);
      },
    });
  const [silent, slow, unwanted] = [start(false), start(true), start(true, wanted.signal)];
  await settle();
  wanted.abort();
  expect((await unwanted).answer.state).toBe('canceled');
  clock.increment(1000);
  await settle();
  clock.increment(1000);
  expect(await silent).toMatchObject({ assignments: 2, answer: { text: 'No agent accepted in time.' } });
  clock.increment(3000);
  expect((await slow).answer.text).toBe('No result came in time.');
  expect(aborted).toHaveLength(4);
});
