import { expect, test } from 'vitest';
import { initialTransition, transition } from 'xstate';
import { type ToolLifeContext, toolLifeMachine } from '../../machines/protocols/tool-life.machine.ts';
import type { Checked } from '../../src/netmcp/life/examine.ts';
import { type ModelStep, modelPaths, walk } from '../../src/testing/index.ts';
import { testEnv } from './support/env.ts';
import { counting, eventually, toolServer } from './support/life.ts';
import { lifeModel } from './support/life-model.ts';
import { countingPcf, realNrf } from './support/nfs.ts';

/** The suite is made from the chart: paths that together take each of its transitions, at a real server. */

const GRACE = 50;
const MEMORY = 70;
type Nf = 'nf-a' | 'nf-b';
type Hash = 'h1' | 'h2';
interface AnyEvent {
  type: string;
  provider?: Nf;
  hash?: Hash;
  output?: { verdict: Checked['verdict']; reason: string };
  error?: Error;
}

/** The edges that a path takes; null if a real server cannot be brought to take it as it is. */
function edgesOf(path: ModelStep[]): Set<string> | null {
  const edges = new Set<string>();
  const published = new Map<Nf, Hash | null>([
    ['nf-a', 'h1'],
    ['nf-b', null],
  ]);
  let [before] = initialTransition(toolLifeMachine, lifeModel.input as never);
  for (const { event: raw } of path) {
    const event = raw as AnyEvent;
    if (!drivable(event, before.value as string, before.context, published)) return null;
    for (const taken of toolLifeMachine.getTransitionData(before as never, event as never)) {
      const { source, eventType } = taken;
      const list = (source.transitions as Map<string, unknown[]>).get(eventType) ?? [];
      edges.add(`${source.id}|${eventType}|${list.indexOf(taken)}`);
    }
    const [after] = transition(toolLifeMachine, before, event as never);
    if (after.value === 'deprecated' && before.value !== 'deprecated' && event.type !== 'DEPRECATE')
      edges.add('toolLife.available||0');
    // The server would try another content by itself.
    const { providers, current, intended } = after.context;
    const others = [...published.values()].some((hash) => hash !== null && hash !== current?.hash);
    if (after.value === 'deprecated' && !intended && providers.length === 0 && others) return null;
    before = after;
  }
  return edges;
}

function drivable(
  event: AnyEvent,
  state: string,
  { providers, current, pending }: ToolLifeContext,
  published: Map<Nf, Hash | null>,
): boolean {
  const provides = (id: string) => providers.some((one) => one.id === id);
  const nf = event.provider as Nf;
  switch (event.type) {
    case 'PUBLISHED':
      published.set(nf, event.hash as Hash);
      return true;
    case 'PROVIDER_LOST':
    case 'REMOVE': {
      const there = published.get(nf) !== null;
      published.set(nf, null);
      return there;
    }
    case 'PROBE_FAILED':
    case 'PROBE_OK': {
      const b = published.get('nf-b');
      return (
        provides('nf-a') &&
        published.get('nf-a') === current?.hash &&
        (b === null || provides('nf-b') || b !== current?.hash)
      );
    }
    case 'APPROVED':
    case 'REJECTED':
      return pending?.hash === event.hash && [...published.values()].includes(event.hash as Hash);
    case 'test.unknown':
      return state === 'quarantined' || state === 'withdrawn';
    default:
      return event.type !== 'CLOSE';
  }
}

/** The shortest paths that take every edge, CLOSE apart: that one ends the server. */
function suite(): ModelStep[][] {
  const open = new Set(
    walk(toolLifeMachine)
      .edges.map(({ id }) => id)
      .filter((id) => !id.includes('|CLOSE|')),
  );
  const chosen: ModelStep[][] = [];
  const paths = modelPaths(toolLifeMachine, lifeModel).sort((a, b) => a.length - b.length);
  for (const path of paths) {
    if (open.size === 0) break;
    const edges = edgesOf(path);
    if (edges === null || ![...edges].some((edge) => open.has(edge))) continue;
    for (const edge of edges) open.delete(edge);
    chosen.push(path);
  }
  expect([...open]).toEqual([]);
  return chosen;
}

test('a real tool server and its NFs follow the chart on every transition', { timeout: 60_000 }, async () => {
  const env = testEnv();
  const nrf = await realNrf(env);
  const nfs = { 'nf-a': await countingPcf(nrf, 1, 3), 'nf-b': await countingPcf(nrf, 2, 4) };
  const exams: Array<PromiseWithResolvers<Checked>> = [];
  const { life, server } = await toolServer(
    {
      watchNrf: true,
      times: { maxFailures: 2, graceMs: GRACE, memoryMs: MEMORY, probeMs: 1e9, resyncMs: 1e9 },
      check: () => () => {
        const exam = Promise.withResolvers<Checked>();
        exams.push(exam);
        return exam.promise;
      },
    },
    { env, nrf: nrf.url },
  );
  const told = () => env.lines.filter(({ message }) => message.startsWith('NF publishes')).length;
  let round = 0;
  const there = new Set<Nf>();
  const atNrf = async (work: () => Promise<unknown>) => {
    const before = told();
    await work();
    await eventually(told, (now) => now > before);
  };
  const examination = async () => {
    await eventually(
      () => exams.length,
      (waiting) => waiting > 0,
    );
    return exams.shift() as PromiseWithResolvers<Checked>;
  };

  const paths = suite();
  for (const [index, path] of paths.entries()) {
    const name = `policy_count_${index}`;
    const contents = {
      h1: counting({ name }),
      h2: counting({ name, description: 'Counts the things of a subscriber, exactly.' }, { version: '2.0' }),
    };
    const publish = (nf: Nf, hash: Hash | null) => {
      round += 1;
      there.add(nf);
      return atNrf(() => nfs[nf].publish(hash === null ? [] : [contents[hash]], {}, `round ${round}`));
    };
    const hashOf = (hash: Hash) => {
      const version = hash === 'h1' ? '1.0' : '2.0';
      return life.approvals().find((one) => one.name === name && one.version === version)?.hash ?? '';
    };
    const take = async (event: AnyEvent): Promise<void> => {
      const { type } = event;
      if (type.startsWith('xstate.done')) {
        const { verdict, reason } = event.output as NonNullable<AnyEvent['output']>;
        const reasons = [reason];
        (await examination()).resolve({ verdict, reason, reasons, score: 1, open: verdict === 'hold' });
      } else if (type.startsWith('xstate.error')) (await examination()).reject(event.error);
      else if (type === 'xstate.after.grace.toolLife.deprecated') env.pass(GRACE);
      else if (type === 'xstate.after.memory.toolLife.withdrawn') env.pass(MEMORY);
      else if (type === 'PUBLISHED') await publish(event.provider as Nf, event.hash as Hash);
      else if (type === 'REMOVE') await publish(event.provider as Nf, null);
      else if (type === 'PROVIDER_LOST') {
        there.delete(event.provider as Nf);
        await atNrf(() => nfs[event.provider as Nf].leave());
      } else if (type === 'PROBE_FAILED' || type === 'PROBE_OK') {
        nfs['nf-a'].state.works = type === 'PROBE_OK';
        await life.check();
      } else if (type === 'DEPRECATE' || type === 'test.unknown') await life.deprecate(name, 'test_read');
      else if (type === 'APPROVED') await life.approve(name, hashOf(event.hash as Hash), { by: 'suite' });
      else if (type === 'REJECTED') life.reject(name, hashOf(event.hash as Hash), { by: 'suite' });
      else throw new Error(`nobody knows how to drive ${type}`);
    };

    await publish('nf-a', 'h1');
    const trace: string[] = [];
    for (const step of path) {
      const { event, value, context } = step;
      trace.push(event.type);
      await take(event as AnyEvent);
      const { providers } = context as unknown as ToolLifeContext;
      const wanted = JSON.stringify([value, providers.map(({ id }) => nfs[id as Nf].id)]);
      const real = () => {
        const entry = life.tools().find((tool) => tool.name === name);
        return JSON.stringify(entry === undefined ? ['forgotten', []] : [entry.state, entry.providers]);
      };
      const got = await eventually(
        real,
        (now) => now === wanted || (value === 'forgotten' && now.includes('forgotten')),
      ).catch(real);
      expect(value === 'forgotten' ? JSON.parse(got)[0] : got, trace.join(' > ')).toBe(
        value === 'forgotten' ? 'forgotten' : wanted,
      );
    }
    // Both NFs leave, and the name is free again.
    nfs['nf-a'].state.works = true;
    for (const exam of exams.splice(0)) exam.reject(new Error('over'));
    for (const nf of there) await atNrf(() => nfs[nf].leave());
    there.clear();
    await eventually(
      () => {
        for (const exam of exams.splice(0)) exam.reject(new Error('over'));
        return life.tools().map(({ state }) => state);
      },
      (states) => !states.includes('candidate') && !states.includes('renewing'),
    );
    env.pass(GRACE);
    env.pass(MEMORY);
    expect(life.tools(), trace.join(' > ')).toEqual([]);
  }
  expect(paths.length).toBeGreaterThan(15);
  await server.close();
  expect(life.tools()).toEqual([]);
});
