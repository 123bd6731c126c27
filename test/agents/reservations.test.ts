import { expect, test } from 'vitest';
import { Reservations } from '../../agents/central/reservations.ts';
import type { AgentServices } from '../../src/index.ts';

function services(answers: (skill: string) => string) {
  const asked: Array<{ agent: string; data: unknown }> = [];
  const fake = {
    log: { error: () => {} },
    ask: async (agent: string, { data }: { data: { skill: string } }) => {
      asked.push({ agent, data });
      return { state: answers(data.skill), text: 'because' };
    },
  };
  return { asked, services: fake as unknown as AgentServices };
}

test('what was taken and not given back is given back, in order; what was given back is not asked twice', async () => {
  const { asked, services: given } = services(() => 'completed');
  const held = new Reservations(given);
  held.note({ skill: 'assure-qos', input: {} }, { sessionId: 'app-1' });
  held.note({ skill: 'reserve-radio', input: {} }, { policyId: 'prb-1' });
  held.note({ skill: 'preset-handover', input: {} }, { policyId: 'steer-1' });
  held.note({ skill: 'perceive-radio', input: {} }, { policyId: 'not taken' });
  held.note({ skill: 'release-radio', input: { policyId: 'prb-1' } }, { released: true });
  await held.release();
  expect(asked).toEqual([
    { agent: 'core', data: { skill: 'release-qos', input: { sessionId: 'app-1' } } },
    { agent: 'ran', data: { skill: 'release-radio', input: { policyId: 'steer-1' } } },
  ]);
  await held.release();
  expect(asked).toHaveLength(2);
});

test('one that fails does not keep the others, and is said', async () => {
  const { asked, services: given } = services((skill) => (skill === 'release-qos' ? 'failed' : 'completed'));
  const held = new Reservations(given);
  held.note({ skill: 'assure-qos', input: {} }, { sessionId: 'app-1' });
  held.note({ skill: 'prioritize-ue', input: {} }, { policyId: 'prio-1' });
  await expect(held.release()).rejects.toThrow('app-1');
  expect(asked).toHaveLength(2);
});
