import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AstBuilder, compile, GherkinClassicTokenMatcher, Parser } from '@cucumber/gherkin';
import { IdGenerator, type Pickle } from '@cucumber/messages';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

/** CAMARA's QualityOnDemand repository; absent on most machines. */
const CODE = '../shared/data/openapi/camara/QualityOnDemand/code';
export const present = existsSync(CODE);

/** Scenarios of the acceptance tests, outlines expanded. */
export function scenarios(): Array<{ file: string; pickle: Pickle }> {
  if (!present) return [];
  const folder = join(CODE, 'Test_definitions');
  const newId = IdGenerator.incrementing();
  return readdirSync(folder)
    .filter((name) => name.endsWith('.feature'))
    .flatMap((file) => {
      const parser = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher());
      const document = parser.parse(readFileSync(join(folder, file), 'utf8'));
      return compile(document, file, newId).map((pickle) => ({ file, pickle }));
    });
}

const APIS = ['quality-on-demand', 'qos-profiles', 'qos-provisioning'] as const;
export type Api = (typeof APIS)[number];

/** What is wrong with a value by a schema of a description; null for nothing. */
export function loadChecker(): (api: Api, pointer: string, value: unknown) => string | null {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: true });
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i);
  ajv.addFormat('date-time', (text: string) => !Number.isNaN(Date.parse(text)) && text.includes('T'));
  ajv.addFormat('ipv4', /^(\d{1,3}\.){3}\d{1,3}$/);
  ajv.addFormat('ipv6', /^[0-9a-f:.]+$/i);
  ajv.addFormat('uri', (text: string) => URL.canParse(text));
  ajv.addFormat('uri-reference', true);
  for (const format of ['int32', 'double']) ajv.addFormat(format, true);
  const add = (path: string) => {
    const document = parse(readFileSync(join(CODE, path), 'utf8')) as object;
    ajv.addSchema({ $id: `camara:/${path}`, components: (document as { components: object }).components });
  };
  for (const common of ['CAMARA_common', 'CAMARA_event_common']) add(`common/${common}.yaml`);
  for (const api of APIS) add(`API_definitions/${api}.yaml`);
  return (api, pointer, value) => {
    const [file = '', place = ''] = pointer.includes('#') ? pointer.split('#') : ['', pointer];
    const id = file === '' ? `camara:/API_definitions/${api}.yaml` : `camara:/${file.replace('../', '')}`;
    const validate = ajv.getSchema(`${id}#${place}`);
    if (validate === undefined) throw new Error(`no schema ${pointer} in ${api}`);
    return validate(value) ? null : ajv.errorsText(validate.errors);
  };
}
