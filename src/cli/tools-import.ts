import { existsSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve } from 'node:path';
import { stringify } from 'yaml';
import { fail } from '../errors.ts';
import {
  type ImportReport,
  importTools,
  readComposites,
  refuseEmpty,
  type Upstream,
} from '../toolization/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';

/** `netagent tools import FILE|FOLDER`: makes tools of descriptions and writes them as a bundle. */
export async function runImport(parsed: Parsed, output: Output): Promise<number> {
  const [, source, ...more] = parsed.positionals;
  const { values } = parsed;
  if (source === undefined || more.length > 0)
    throw fail('CLI_USAGE', { problem: '`tools import` needs one FILE or FOLDER.', verb: 'tools' });
  if (!existsSync(source))
    throw fail('TOOLS_IMPORT_UNREADABLE', { file: source, problem: 'it does not exist' });
  const path = realpathSync(source);
  const folder = statSync(path).isDirectory();
  const root = values.dir === undefined ? (folder ? path : dirname(path)) : realRoot(values.dir);
  const token = values['token-env'];
  const upstream: Partial<Upstream> = {
    ...(values.server !== undefined && { url: values.server }),
    ...(values.http !== undefined && { http: values.http as Upstream['http'] }),
    ...(token !== undefined && { token: { env: token } }),
  };
  const made = importTools({
    root,
    upstream,
    ...(!folder && { files: [relative(root, path)] }),
    ...(values.only !== undefined && { only: values.only }),
    ...(values.fill !== undefined && { fills: fillsOf(values.fill) }),
  });
  refuseEmpty(made, source);
  const { bundle, report } = made;
  if (values.composites !== undefined) bundle.composites = readComposites(values.composites);
  const dry = parsed.switches.has('dry-run');
  const out = values.out ?? 'tools.json';
  if (!dry)
    writeFileSync(
      resolve(out),
      /\.ya?ml$/i.test(out)
        ? stringify(bundle, { aliasDuplicateObjects: false })
        : `${JSON.stringify(bundle)}\n`,
    );
  const tools = bundle.tools.map(({ name, title, meta, inputSchema, request }) => ({
    name,
    title,
    effects: meta.effects,
    kind: meta.kind,
    operation: `${request.method} ${request.path}`,
    parameters: Object.keys((inputSchema.properties ?? {}) as object),
  }));
  output.value({ type: 'import', out: dry ? null : out, ...report, list: tools });
  output.text(wording(report, tools, dry ? null : out));
  return 0;
}

function realRoot(dir: string): string {
  if (!existsSync(dir)) throw fail('TOOLS_IMPORT_UNREADABLE', { file: dir, problem: 'it does not exist' });
  return realpathSync(dir);
}

/** `NAME=VALUE` by comma; a value that is JSON counts as that. @throws CLI_USAGE */
function fillsOf(text: string): Record<string, string | number | boolean> {
  return Object.fromEntries(
    text.split(',').map((one) => {
      const at = one.indexOf('=');
      if (at < 1)
        throw fail('CLI_USAGE', {
          problem: `--fill ${JSON.stringify(one)}: NAME=VALUE is needed.`,
          verb: 'tools',
        });
      const value = one.slice(at + 1);
      const simple = /^(true|false|-?\d+(\.\d+)?)$/.test(value);
      return [one.slice(0, at), simple ? (JSON.parse(value) as number | boolean) : value];
    }),
  );
}

const MOST_ROWS = 40;

function wording(
  report: ImportReport,
  tools: Array<{ name: string; effects: string; parameters: string[] }>,
  out: string | null,
): string {
  const rows = tools
    .slice(0, MOST_ROWS)
    .map(({ name, effects, parameters }) => [
      name,
      effects,
      parameters.slice(0, 8).join(', ') + (parameters.length > 8 ? ', …' : ''),
    ]);
  const { bytes } = report;
  const also = (title: string, lines: string[]) =>
    lines.length === 0
      ? []
      : [
          '',
          `${title} (${lines.length}):`,
          ...lines.slice(0, MOST_ROWS).map((line) => `  ${line}`),
          ...(lines.length > MOST_ROWS ? [`  … ${lines.length - MOST_ROWS} more; --json lists all`] : []),
        ];
  return [
    table(['tool', 'effects', 'parameters'], rows),
    ...(tools.length > MOST_ROWS ? [`… ${tools.length - MOST_ROWS} more; --json lists all`] : []),
    ...also(
      'Not made into tools',
      report.unsupported.map(({ file, operation, reason }) => `${file} ${operation}: ${reason}`),
    ),
    ...also(
      'Duplicates',
      report.duplicates.map(({ file, operation, sameAs }) => `${file} ${operation}: same as ${sameAs}`),
    ),
    ...also(
      'Wrong in the descriptions',
      report.problems.map(({ file, where, problem }) => `${file} ${where}: ${problem}`),
    ),
    '',
    `${report.tools} tools of ${report.operations} operations in ${report.files} files; a definition has ${bytes.p50} bytes in the middle, ${bytes.max} at most (limit ${bytes.limit}).`,
    out === null
      ? 'Nothing was written (dry run).'
      : `Written to ${out}; serve them with: npx netagent start --tools ${out}`,
  ].join('\n');
}
