import { expect, test } from 'vitest';
import { CATALOG } from '../../machines/catalog.ts';
import { supervisionMachine } from '../../machines/index.ts';
import { chartToMermaid } from '../../src/testing/index.ts';

test('a chart as Mermaid text', () => {
  expect(chartToMermaid(supervisionMachine)).toBe(`stateDiagram-v2
  [*] --> supervision_running
  state "running" as supervision_running
  state "backingOff" as supervision_backingOff
  state "givenUp" as supervision_givenUp
  supervision_givenUp --> [*]
  state "stopped" as supervision_stopped
  supervision_stopped --> [*]
  supervision_running --> supervision_stopped: STOP
  supervision_backingOff --> supervision_stopped: STOP
  supervision_running --> supervision_givenUp: CRASHED (exhausted)
  supervision_running --> supervision_backingOff: CRASHED
  supervision_backingOff --> supervision_running: after backoff
`);
});

test('every chart of the catalogue has a text in which each state is named before it is used', () => {
  for (const { machine } of Object.values(CATALOG)) {
    const text = chartToMermaid(machine);
    const named = new Set([...text.matchAll(/ as (\w+)/g)].map(([, id]) => id));
    for (const [, from, to] of text.matchAll(/^\s*(\w+) --> (\w+):/gm)) {
      expect(named).toContain(from);
      expect(named).toContain(to);
    }
  }
});
