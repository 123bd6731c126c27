import fc from 'fast-check';
import { expect, test } from 'vitest';
import { helpText, parseVerb } from '../../src/cli/args.ts';
import { runtimeOptions } from '../../src/cli/runtime-options.ts';
import { table, wrap } from '../../src/cli/table.ts';
import { ASK, START, VERBS } from '../../src/cli/verbs.ts';
import { NetAgentError } from '../../src/errors.ts';

const problem = (argv: string[]) => {
  try {
    parseVerb(START, argv);
  } catch (error) {
    expect(error).toBeInstanceOf(NetAgentError);
    expect((error as NetAgentError).code).toBe('CLI_USAGE');
    return (error as NetAgentError).message;
  }
  throw new Error('accepted');
};

test('flags and defaults', () => {
  const { values, switches } = parseVerb(START, ['--once', '--json', '--seed', '7', '--ask', 'Hello']);
  expect(values).toMatchObject({ seed: '7', ask: 'Hello', data: '.netagent', home: 'Hangzhou' });
  expect([...switches].sort()).toEqual(['json', 'once']);
});

test.each([
  [['--sed', '1'], 'Unknown flag --sed; did you mean --seed?.'],
  [['--frobnicate'], 'Unknown flag --frobnicate.'],
  [['--seed', 'x'], '--seed "x": a whole number from 0 to 4294967295 is needed.'],
  [['--seed', '4294967296'], '--seed "4294967296": a whole number from 0 to 4294967295 is needed.'],
  [['--port', '70000'], '--port "70000": a whole number from 0 to 65535 is needed.'],
  [['--speed', '0'], '--speed "0": a number above 0 is needed.'],
  [['--nrf', 'nrf:7777'], '--nrf "nrf:7777": an address such as http://127.0.0.10:7777 is needed.'],
  [['--now', 'tomorrow'], '--now "tomorrow": a time such as 2026-11-24T09:00:00+08:00 is needed.'],
  [
    ['--timezone', 'Mars/Olympus'],
    '--timezone "Mars/Olympus": an IANA time zone such as Asia/Shanghai is needed.',
  ],
  [['fly', 'me'], "Unexpected argument 'fly'; a sentence goes in quotes after --ask."],
])('%j is refused in one line', (argv, text) => {
  expect(problem(argv as string[])).toBe(text);
});

test('functions outside are named by address', () => {
  const argv = ['--nrf', 'http://127.0.0.10:7777', '--a1', 'http://[::1]:9001/ric1'];
  expect(runtimeOptions(parseVerb(START, argv), { fixedPorts: false })).toMatchObject({
    peers: { nrf: 'http://127.0.0.10:7777', a1: 'http://[::1]:9001/ric1' },
  });
  expect(runtimeOptions(parseVerb(START, []), { fixedPorts: false })).not.toHaveProperty('peers');
});

test('a flag without its value is refused', () => {
  expect(problem(['--ask'])).toMatch(/--ask/);
});

test('every verb explains each of its flags', () => {
  for (const verb of VERBS)
    for (const flag of Object.keys(verb.flags)) expect(helpText(verb)).toContain(`--${flag}`);
  expect(parseVerb(ASK, ['a', 'b']).positionals).toEqual(['a', 'b']);
});

test('property: parsing never throws anything but a usage error', () => {
  fc.assert(
    fc.property(fc.array(fc.string()), (argv) => {
      try {
        parseVerb(START, argv);
      } catch (error) {
        expect((error as NetAgentError).code).toBe('CLI_USAGE');
      }
    }),
  );
});

test('property: wrapped lines keep all words in order and fit where the words do', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1 }),
      fc.integer({ min: 12, max: 40 }),
      (words, width) => {
        const lines = wrap(words.join(' '), width);
        expect(lines.join(' ').split(' ')).toEqual(words);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
      },
    ),
  );
});

test('a table aligns its columns', () => {
  expect(
    table(
      ['a', 'bb'],
      [
        ['long', 'x'],
        ['s', 'y'],
      ],
    ),
  ).toBe(['a     bb', '----  --------------------', 'long  x', 's     y'].join('\n'));
});
