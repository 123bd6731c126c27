import { parseArgs } from 'node:util';
import { fail } from '../errors.ts';
import { nearest } from './nearest.ts';

/** One flag of a verb: how it is parsed, checked and explained. */
export interface Flag {
  value?: string;
  help: string;
  default?: string;
  check?: (value: string) => string | undefined;
}

export interface Verb {
  name: string;
  summary: string;
  positional?: string;
  /** What may stand after the verb, with what it does; where there are many. */
  forms?: ReadonlyArray<readonly [form: string, help: string]>;
  flags: Record<string, Flag>;
  examples: string[];
}

export interface Parsed {
  values: Record<string, string | undefined>;
  switches: Set<string>;
  positionals: string[];
}

/**
 * Parses the arguments of a verb.
 * @throws CLI_USAGE for an unknown flag, a missing value, or a value that its flag refuses.
 */
export function parseVerb(verb: Verb, argv: string[]): Parsed {
  const options = Object.fromEntries(
    Object.entries({ ...verb.flags, help: { help: '' } }).map(([name, flag]: [string, Flag]) => [
      name,
      { type: flag.value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const usage = (problem: string) => fail('CLI_USAGE', { problem, verb: verb.name });
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({
      args: argv,
      options,
      strict: true,
      allowPositionals: verb.positional !== undefined,
    });
  } catch (error) {
    throw usage(firstSentence(error, verb));
  }
  const result: Parsed = { values: {}, switches: new Set(), positionals: parsed.positionals };
  for (const [name, flag] of Object.entries(verb.flags)) {
    const given = parsed.values[name];
    if (flag.value === undefined) {
      if (given === true) result.switches.add(name);
      continue;
    }
    const value = typeof given === 'string' ? given : flag.default;
    const problem = value === undefined ? undefined : flag.check?.(value);
    if (problem !== undefined) throw usage(`--${name} ${JSON.stringify(value)}: ${problem}.`);
    result.values[name] = value;
  }
  if (parsed.values.help === true) result.switches.add('help');
  return result;
}

/** Checks for `Flag.check`: they return what is wrong, or nothing. */
export const checks = {
  integer: (min: number, max: number) => (value: string) =>
    /^-?\d+$/.test(value) && Number(value) >= min && Number(value) <= max
      ? undefined
      : `a whole number from ${min} to ${max} is needed`,
  broker: (value: string) =>
    URL.canParse(value) && /^(mqtts?|wss?):$/.test(new URL(value).protocol) && new URL(value).host !== ''
      ? undefined
      : 'an address such as mqtt://127.0.0.1:1883 is needed',
  apiRoot: (value: string) =>
    URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
      ? undefined
      : 'an address such as http://127.0.0.10:7777 is needed',
  brought: (value: string) =>
    value.split(',').every((each) => /^https?:\/\/[^\s=]+(=[^\s/]*)*=[\w.-]+\/[\w.-]+\/[\w.-]+$/.test(each))
      ? undefined
      : 'addresses with ids, such as https://partner.example=acme/partner/echo, are needed',
  http: (value: string) =>
    URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
      ? undefined
      : 'an address such as https://api.example is needed',
  adopted: (value: string) =>
    value.split(',').every((each) => /^[a-z][\w-]{0,31}=\S.*$/.test(each))
      ? undefined
      : 'ids with addresses or commands, such as files=npx mcp-server-filesystem /data, are needed',
  positive: (value: string) =>
    Number(value) > 0 && Number.isFinite(Number(value)) ? undefined : 'a number above 0 is needed',
  duration: (value: string) =>
    /^P(?=.*\d)(\d+W)?(\d+D)?(T(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/.test(value)
      ? undefined
      : 'an ISO 8601 duration such as PT24H or P7D is needed',
  instant: (value: string) =>
    Number.isFinite(Date.parse(value)) && /T.*(Z|[+-]\d\d:\d\d)$/.test(value)
      ? undefined
      : 'a time such as 2026-11-24T09:00:00+08:00 is needed',
  oneOf:
    (...allowed: string[]) =>
    (value: string) =>
      allowed.includes(value) ? undefined : `one of ${allowed.join(', ')} is needed`,
};

export function helpText(verb: Verb): string {
  const rows = Object.entries({ ...verb.flags, help: { help: 'this text' } }).map(
    ([name, flag]: [string, Flag]) => {
      const left = `  --${name}${flag.value === undefined ? '' : ` ${flag.value}`}`;
      return `${left.padEnd(26)}${flag.help}${flag.default === undefined ? '' : ` (default ${flag.default})`}`;
    },
  );
  const forms = (verb.forms ?? []).map(([form, help]) => [`${verb.name} ${form}`.trim(), help] as const);
  const width = Math.max(0, ...forms.map(([form]) => form.length));
  return [
    `netagent ${verb.name}${verb.positional === undefined ? '' : ` ${verb.positional}`}: ${verb.summary}`,
    '',
    ...forms.map(([form, help]) => `  ${form.padEnd(width)}  ${help}`),
    ...(forms.length > 0 ? [''] : []),
    ...rows,
    '',
    'Exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted.',
    '',
    ...verb.examples.map((example) => `  ${example}`),
  ].join('\n');
}

function firstSentence(error: unknown, verb: Verb): string {
  const code = (error as { code?: string }).code;
  const message = error instanceof Error ? error.message : String(error);
  if (code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const name = /'(--?[^']+)'/.exec(message)?.[1] ?? '';
    const near = nearest(name.replace(/^-+/, ''), Object.keys(verb.flags));
    return `Unknown flag ${name}${near === undefined ? '' : `; did you mean --${near}?`}.`;
  }
  if (code === 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL') {
    return `Unexpected argument ${/'([^']*)'/.exec(message)?.[0] ?? ''}; a sentence goes in quotes after --ask.`;
  }
  return `${message.split(/[.\n]/)[0]}.`;
}
