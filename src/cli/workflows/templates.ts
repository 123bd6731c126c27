import { fail, NetAgentError } from '../../errors.ts';
import type { Parsed } from '../args.ts';
import { nearestNames } from '../nearest.ts';
import type { Output } from '../output.ts';
import { table, wrap } from '../table.ts';
import type { Template, Workflows } from './client.ts';
import { choiceOf, exampleOf, inputRows } from './inputs.ts';
import { jsonOf } from './source.ts';
import { width } from './text.ts';

/** `netagent workflows`: what can be run. */
export async function listTemplates(
  workflows: Workflows,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const all = await workflows.templates();
  const templates = all.filter(({ domain }) => values.domain === undefined || values.domain === domain);
  output.value(templates);
  if (templates.length === 0) {
    const domains = [...new Set(all.map(({ domain }) => domain))].sort().join(', ');
    output.text(
      all.length === 0 ? 'There are no templates.' : `No template of that domain; there are ${domains}.`,
    );
    return 0;
  }
  const title = shortNames(all);
  output.text(
    table(
      ['template', 'domain', 'category', 'effects', 'title'],
      templates
        .toSorted((a, b) => a.domain.localeCompare(b.domain) || a.name.localeCompare(b.name))
        .map((one) => [
          `${title(one)}${one.problems.some(isError) ? ' (!)' : ''}`,
          one.domain,
          one.category,
          one.effects,
          one.title,
        ]),
      width(),
    ),
  );
  const lame = templates.filter(({ problems }) => problems.some(isError)).length;
  output.text(
    `\n${templates.length} templates.${lame > 0 ? ` (!) ${lame} do not run here as they are; show NAME says why.` : ''}`,
  );
  return 0;
}

const isError = ({ severity }: { severity: string }) => severity === 'error';

/** The name alone where only one template has it. */
function shortNames(templates: Template[]): (one: Template) => string {
  const count = (name: string) => templates.filter((other) => other.name === name).length;
  return ({ id, name }) => (count(name) > 1 ? id : name);
}

/** A template, with its inputs as a table. */
export function showTemplate(template: Template, output: Output): number {
  output.value(template);
  const { id, version, versions, title, domain, category, effects, blast, undo, summary, input } = template;
  const others = versions.filter((one) => one !== version);
  const touched = [
    ...(blast.cells === undefined ? [] : [`cells: ${blast.cells}`]),
    ...(blast.subscribers === undefined ? [] : [`subscribers: ${blast.subscribers}`]),
  ];
  output.text(`${id} ${version}: ${title}\n`);
  if (summary !== '') output.text(`${wrap(summary, width() - 2).join('\n')}\n`.replace(/^(?=.)/gm, '  '));
  field(output, 'domain', `${domain}, ${category}`);
  field(output, 'effects', effects === 'reads' ? 'reads only' : 'changes the network');
  if (touched.length > 0) field(output, 'touches', touched.join('; '));
  if (undo !== '') field(output, 'undo', undo);
  if (others.length > 0) field(output, 'versions', `${version}, also ${others.join(', ')}`);
  const rows = input === null ? [] : inputRows(input);
  output.text(
    rows.length === 0
      ? '\nIt takes no input, or any.'
      : `\n${table(['input', 'type', 'default', 'what'], rows, width())}`,
  );
  const choice = input === null ? undefined : choiceOf(input);
  if (rows.some(([name]) => name?.endsWith(' *')) || choice !== undefined) {
    output.text(`* is needed${choice === undefined ? '' : `; ${choice}`}`);
  }
  for (const { line, problem, pointer, severity } of template.problems) {
    const place = pointer === '' ? '' : ` (${pointer})`;
    output.text(
      `\n${severity === 'error' ? 'It does not run here' : 'Warning'}: line ${line}: ${problem}${place}`,
    );
  }
  const example = JSON.stringify(input === null ? {} : exampleOf(input));
  output.text(`\n  netagent workflows run ${id} --input '${example.replaceAll("'", `'\\''`)}'`);
  return 0;
}

const LABEL = 10;

/** `name` and a text that goes on under itself. */
export function field(output: Output, name: string, text: string): void {
  const lines = wrap(text, width() - LABEL - 2);
  lines.forEach((line, index) => {
    output.text(`  ${(index === 0 ? name : '').padEnd(LABEL)}${line}`);
  });
}

/** `netagent workflows match TEXT` */
export async function matchTemplates(
  workflows: Workflows,
  text: string,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const known = values.input === undefined ? undefined : jsonOf('input', values.input);
  const found = await workflows.match({
    text,
    ...(values.domain === undefined ? {} : { domain: values.domain }),
    ...(known === undefined ? {} : { known }),
  });
  output.value(found);
  if (found.length === 0) {
    output.text(`No template fits ${JSON.stringify(text)}; netagent workflows lists all.`);
    return 0;
  }
  output.text(
    table(
      ['template', 'score', ...(known === undefined ? [] : ['missing']), 'why'],
      found.map(({ id, score, reason, missing }) => [
        id,
        score.toFixed(2),
        ...(known === undefined ? [] : [missing.join(', ') || '-']),
        reason,
      ]),
      width(),
    ),
  );
  return 0;
}

/** The error for a name that nothing has, with the nearest names. */
export async function unknown(
  workflows: Workflows,
  name: string,
  { what, words = [] }: { what: string; words?: readonly string[] },
): Promise<NetAgentError> {
  const templates = await workflows.templates();
  const names = name.includes('/') ? templates.map(({ id }) => id) : templates.map((one) => one.name);
  const near = nearestNames(name, [...words, ...new Set(names)], 3);
  const hint = near.length === 0 ? '' : `; the nearest names are ${near.join(', ')}`;
  return fail('CLI_USAGE', { problem: `No ${what} ${JSON.stringify(name)}${hint}.`, verb: 'workflows' });
}

export const isCode = (error: unknown, ...codes: string[]): boolean =>
  error instanceof NetAgentError && codes.includes(error.code);
