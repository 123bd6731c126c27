import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileTool } from '../../src/netmcp/index.ts';
import { importTools, toolsOfBundle } from '../../src/toolization/index.ts';
import { rebuild } from '../../src/toolization/request.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { objectOf } from './arbitrary.ts';
import { DESCRIPTIONS } from './support.ts';

const { bundle } = importTools({
  root: DESCRIPTIONS,
  files: ['sessions.yaml', 'shapes.yaml'],
  upstream: { url: 'http://x.example' },
});
const { tools } = toolsOfBundle(bundle, { env: testEnv() });

/** The forms of a union, and what recurs, are known to the original description only. */
const UNIONS = new Set(['shapes_create_area', 'shapes_put_tree']);

test.each(tools.map((tool) => [tool.name, tool] as const))(
  '%s: what schema and rules allow, the original description allows, and nothing is lost on the way',
  (name, tool) => {
    const compiled = compileTool(tool);
    const described = bundle.tools.find((one) => one.name === name);
    let allowed = 0;
    fc.assert(
      fc.property(objectOf(compiled.definition.inputSchema as Record<string, unknown>), (args) => {
        const { verdict, args: whole } = compiled.verify(args, {} as never);
        if (verdict.decision !== 'allow') {
          const step = verdict.decision === 'refuse' ? verdict.refusal.step : verdict.decision;
          expect(UNIONS.has(name) ? ['constraint', 'schema'] : ['constraint']).toContain(step);
          return;
        }
        allowed += 1;
        if (described === undefined) throw new Error('no such tool');
        const request = rebuild(described.request, whole, () => 'id');
        for (const field of described.request.fields) {
          if (field.shape !== undefined || !Object.hasOwn(args, field.name)) continue;
          const found = field.at.reduce<unknown>(
            (node, key) => (node as Record<string, unknown>)[key],
            request,
          );
          expect(found).toEqual(args[field.name]);
        }
      }),
      { numRuns: 200, seed: 11 },
    );
    expect(allowed).toBeGreaterThan(0);
  },
);
