import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');

interface Import {
  from: string;
  to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(ts|mts|tsx)$/.test(name) && !name.includes('node_modules'))
    .map((name) => join(folder, name).replaceAll('\\', '/'));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found: Import[] = [];
  for (const match of text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)) {
    const spec = match[1] as string;
    const to = spec.startsWith('.')
      ? relative(ROOT, resolve(ROOT, dirname(file), spec)).replaceAll('\\', '/')
      : spec;
    found.push({ from: file, to });
  }
  return found;
}

const all = ['machines', 'broker', 'src', 'agents'].flatMap(sources).flatMap(importsOf);
const inside = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`);
const srcPart = (path: string) => (inside(path, 'src') ? (path.split('/')[1] ?? '') : null);
const breaks = (rule: (i: Import) => boolean) => all.filter(rule).map((i) => `${i.from} -> ${i.to}`);

test('machines import xstate, zod and machines only', () => {
  expect(
    breaks(
      (i) =>
        inside(i.from, 'machines') &&
        !inside(i.to, 'machines') &&
        !['xstate', 'zod'].includes(i.to.split('/')[0] as string),
    ),
  ).toEqual([]);
});

test('machines know no clock, randomness or I/O', () => {
  const impure = sources('machines').filter((file) =>
    /\bDate\.now\(|new Date\(\)|Math\.random\(|\bsetTimeout\(\s*\(|\bfetch\(|\bprocess\./.test(
      readFileSync(join(ROOT, file), 'utf8'),
    ),
  );
  expect(impure).toEqual([]);
});

test('broker imports machines and broker, never src or agents', () => {
  expect(breaks((i) => inside(i.from, 'broker') && (inside(i.to, 'src') || inside(i.to, 'agents')))).toEqual(
    [],
  );
});

test('nothing imports agents; an agent imports the public index, machines and itself', () => {
  expect(breaks((i) => !inside(i.from, 'agents') && inside(i.to, 'agents'))).toEqual([]);
  expect(
    breaks((i) => {
      if (!inside(i.from, 'agents')) return false;
      if (inside(i.to, 'agents')) return agentOf(i.from) !== agentOf(i.to);
      return (inside(i.to, 'src') && i.to !== 'src/index.ts') || inside(i.to, 'broker');
    }),
  ).toEqual([]);
});

function agentOf(path: string): string {
  const [, kind = '', name = ''] = path.split('/');
  return kind === 'embodied' ? `${kind}/${name}` : kind;
}

test('within src, arrows point down', () => {
  const wide = new Set(['runtime', 'cli', 'index.ts']);
  expect(
    breaks((i) => {
      const from = srcPart(i.from);
      const to = srcPart(i.to);
      if (from === null || to === null || from === to || to === 'errors.ts') return false;
      if (from === 'errors.ts') return to !== 'errors';
      if (from === 'errors' || to === 'errors') return true;
      if (wide.has(to)) return !wide.has(from);
      if (from === 'durable' || from === 'sbi') return true;
      if (from === 'toolization') return to !== 'sbi' && i.to !== 'src/netmcp/index.ts';
      if (from === 'explore') return true;
      if (to === 'explore') return from !== 'runtime' || i.to !== 'src/explore/index.ts';
      if (from === 'change') return to !== 'durable';
      if (to === 'change') return !wide.has(from);
      if (to === 'toolization') return !wide.has(from);
      if (to === 'network') return from !== 'runtime';
      if (to === 'netmcp') return !wide.has(from) || i.to !== 'src/netmcp/index.ts';
      return false;
    }),
  ).toEqual([]);
});

test('only netmcp imports the MCP SDK', () => {
  expect(breaks((i) => i.to.startsWith('@modelcontextprotocol/') && !inside(i.from, 'src/netmcp'))).toEqual(
    [],
  );
});
