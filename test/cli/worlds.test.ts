import { expect, test } from 'vitest';
import { parseVerb } from '../../src/cli/args.ts';
import { runNetwork } from '../../src/cli/network.ts';
import { NETWORK } from '../../src/cli/verbs.ts';

async function run(...argv: string[]) {
  const lines: string[] = [];
  const values: unknown[] = [];
  const code = await runNetwork(parseVerb(NETWORK, argv), {
    json: false,
    text: (line) => lines.push(line),
    value: (value) => values.push(value),
    error: () => {},
  });
  return { code, lines, values };
}

test('the worlds are listed', async () => {
  const { code, lines, values } = await run('worlds');
  expect(code).toBe(0);
  expect(lines.join('\n')).toMatch(/concert +London +1105/);
  expect(values).toHaveLength(6);
});

test('a run prints a row a group and interval, the same for the same seed', async () => {
  const argv = ['run', 'factory', '--for', '9s', '--every', '5s'];
  const one = await run(...argv);
  expect(one.values).toMatchObject([{ second: 5 }, { second: 9 }]);
  expect(one.lines).toHaveLength(5);
  expect(one.lines[1]).toMatch(/^0:05 +hall NR/);
  expect(await run(...argv)).toEqual(one);
  expect((await run(...argv, '--seed', '5')).values).not.toEqual(one.values);
});

test.each([
  [['run'], 'CLI_USAGE'],
  [['worlds', 'city'], 'CLI_USAGE'],
  [['run', 'atlantis'], 'WORLD_UNKNOWN'],
])('%j is refused: %s', async (argv, code) => {
  await expect(run(...argv)).rejects.toMatchObject({ code });
});

test('a span of no form is refused', () => {
  expect(() => parseVerb(NETWORK, ['run', 'city', '--for', 'long'])).toThrow(/10m or 1h is needed/);
});
