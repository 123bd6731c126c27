import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { play, readScene, type Scene, type Step, sceneFiles } from '../corpus/netmcp/stage.ts';

const PAGE = resolve(import.meta.dirname, '../../docs/netmcp/messages.md');
const files = sceneFiles();
const update = process.env.UPDATE_DOCS === '1';

/** JSON in which what fits stands on one line. */
function neat(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{ ', ' }'];
  const write = (inner: string) =>
    Array.isArray(value)
      ? value.map((item) => neat(item, inner))
      : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${neat(item, inner)}`);
  const parts = write('');
  if (parts.length === 0) return `${open}${close}`.replace('  ', '');
  const line = `${open}${parts.join(', ')}${close}`;
  if (!line.includes('\n') && indent.length + line.length <= 110) return line;
  const inner = `${indent}  `;
  return `${open.trim()}\n${write(inner)
    .map((part) => inner + part)
    .join(',\n')}\n${indent}${close.trim()}`;
}

const block = (value: unknown) => `\`\`\`json\n${neat(value)}\n\`\`\``;

/** What goes before an answer; a challenge is a header, and stands as it is sent. */
function heading({ http }: Step): string {
  if (http === undefined) return 'Answer:';
  const { status, challenge } = http;
  const header = challenge === undefined ? '' : `\n\n\`\`\`http\nWWW-Authenticate: ${challenge}\n\`\`\``;
  return `Answer, HTTP ${status}:${header}`;
}

function section(scene: Scene): string {
  const steps = scene.steps.map((step) => {
    const parts = [step.says];
    if (step.send !== undefined) parts.push(`Client to ${step.to} server:`, block(step.send));
    if (step.get !== undefined) parts.push(`Client to ${step.to} server: \`GET ${step.get}\``);
    if (step.token !== undefined) parts.push(`With \`Authorization: Bearer ${step.token}\`.`);
    if (step.answer !== undefined && step.answer !== null) parts.push(heading(step), block(step.answer));
    if (step.hears !== undefined)
      parts.push('On the stream of the session:', block({ method: step.hears, params: step.heard }));
    return parts.join('\n\n');
  });
  return `## ${scene.title}\n\n${scene.says} (NetMCP ${scene.clause})\n\n${steps.join('\n\n')}\n`;
}

const page = () => `# NetMCP, message by message

Every message here was sent to a server of this project and every answer was given by one: this page is made by
\`npm run docs\` from \`test/corpus/netmcp\`, and the tests play it again. Names of hosts stand in for the addresses of
the machine, \`RANDOM-...\` for what is drawn at random; \`{{step.path}}\` stands for what an earlier answer gave. The
transport is Streamable HTTP.

${files.map((file) => section(readScene(file))).join('\n')}`;

test.each(files.map((file) => [readScene(file).id, file] as const))(
  'the servers say what the corpus says: %s',
  async (_, file) => {
    const scene = readScene(file);
    const played = await play(scene);
    if (update) writeFileSync(file, `${JSON.stringify(played, null, 2)}\n`);
    else expect(played).toEqual(scene);
  },
);

test('docs/netmcp/messages.md shows the corpus', () => {
  if (update) writeFileSync(PAGE, page());
  expect(readFileSync(PAGE, 'utf8')).toBe(page());
});
