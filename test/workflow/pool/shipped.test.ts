import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { TOOL_AREAS, toolsOf } from '../../../src/netmcp/index.ts';
import { CATEGORIES, openPool, type Template } from '../../../src/workflow/index.ts';
import { simulatedClock } from '../kit.ts';

/** What every template that ships must be, whatever it does. */

const AGENTS = resolve(import.meta.dirname, '../../../agents');
const pool = openPool({
  folders: ['central', 'ran', 'core', 'transport', 'computing'].map((agent) =>
    join(AGENTS, agent, 'workflows'),
  ),
  clock: simulatedClock(),
  watch: false,
});
const all = pool.list();
const tools = new Map(TOOL_AREAS.flatMap(toolsOf).map((tool) => [tool.name, tool]));
const ajv = new Ajv2020({ strict: false, validateFormats: false });

/** Every value under a key of the document, at any depth. */
function under(value: unknown, key: string): unknown[] {
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    ...(name === key ? [inner] : []),
    ...under(inner, key),
  ]);
}
const source = ({ file }: Template) => parse(readFileSync(file, 'utf8')) as unknown;
const toolsIn = (template: Template) =>
  under(source(template), 'tool').filter(
    (name): name is string => typeof name === 'string' && !name.includes('$'),
  );
const skillsIn = (template: Template) =>
  under(source(template), 'with')
    .map((one) => one as { agent?: string; skill?: string })
    .filter(({ agent, skill }) => agent !== undefined && !agent.includes('$') && !skill?.includes('$'));
/** Tools that an expression names. */
const namedIn = (template: Template) =>
  [
    ...readFileSync(template.file, 'utf8').matchAll(
      /\b(?:ran|core|transport|compute|storage|recovery)_[a-z_]+\b/g,
    ),
  ].map(([name]) => name);

test('there are templates of every category and domain, and none is broken', () => {
  expect(pool.problems()).toEqual([]);
  expect(all.length).toBeGreaterThanOrEqual(24);
  expect(new Set(all.map(({ category }) => category))).toEqual(new Set(CATEGORIES));
  expect(new Set(all.map(({ domain }) => domain))).toEqual(
    new Set(['central', 'ran', 'core', 'transport', 'computing']),
  );
});

describe.each(all.map((template) => [template.id, template] as const))('%s', (_, template) => {
  test('says what it is, what it wants, what it gives, what it touches and how it is undone', () => {
    const { title, summary, tasks, blast, undo, input, output, effects } = template;
    expect(title.length).toBeGreaterThan(5);
    expect(summary.length).toBeGreaterThan(10);
    expect(tasks.some((task) => /^[\p{ASCII}’]+$/u.test(task))).toBe(true);
    expect(tasks.some((task) => /\p{Script=Han}/u.test(task))).toBe(true);
    expect([blast.cells, blast.subscribers]).toEqual([expect.any(String), expect.any(String)]);
    expect(undo).toMatch(effects === 'reads' ? /^Nothing to undo/ : /./);
    for (const schema of [input, output]) {
      expect(ajv.validateSchema(schema as object)).toBe(true);
      const { properties, required = [] } = schema as { properties: object; required?: string[] };
      expect(Object.keys(properties)).toEqual(expect.arrayContaining(required));
    }
  });

  test('calls tools and skills that there are, and changes nothing where it says that it reads', () => {
    for (const name of [...toolsIn(template), ...namedIn(template)]) expect(tools.has(name), name).toBe(true);
    const skills = skillsIn(template).filter(({ agent }) => agent !== 'vehicle' && agent !== 'proxy');
    const asked = skills.map(({ agent, skill }) =>
      all.find(({ domain, name }) => domain === agent && name === skill),
    );
    expect(asked).not.toContain(undefined);
    const changing = [
      ...toolsIn(template).filter((name) => tools.get(name)?.meta.effects !== 'read'),
      ...asked.filter((one) => one?.effects === 'changes').map((one) => one?.id),
    ];
    if (template.effects === 'reads') expect(changing).toEqual([]);
  });

  test('is a skill of its agent where it is of a domain', () => {
    if (template.domain === 'central') return;
    const manifest = parse(readFileSync(join(AGENTS, template.domain, 'agent.yaml'), 'utf8')) as {
      skills: Array<{ id: string }>;
    };
    expect(manifest.skills.map(({ id }) => id)).toContain(template.name);
  });
});
