import { type Document, LineCounter, parseDocument } from 'yaml';
import { fail } from '../../errors.ts';
import { checkDocument, type Problem, type RunPolicy } from './check.ts';
import { documentSchema } from './schema.ts';
import type { WorkflowDocument } from './types.ts';

export interface PlacedProblem extends Problem {
  /** Line of the text, from 1; 0 where the source is no text. */
  line: number;
}

export interface Checked {
  /** Undefined where the document cannot be read. */
  document: WorkflowDocument | undefined;
  problems: PlacedProblem[];
  /** The line of a place of the text, or of what holds it; 0 where the source is no text. */
  lineOf(pointer: string): number;
}

/** Bytes of a document. */
const MAX_SOURCE = 1_000_000;

/** Reads a document, YAML or JSON text or an object, and says all that is wrong with it. */
export function checkWorkflow(source: string | object, policy: RunPolicy = {}): Checked {
  const failed = (line: number, pointer: string, problem: string): Checked => ({
    document: undefined,
    problems: [{ line, pointer, problem, severity: 'error' }],
    lineOf: () => line,
  });
  if (typeof source === 'string' && source.length > MAX_SOURCE) {
    return failed(1, '', `${source.length} characters; ${MAX_SOURCE} at most`);
  }
  const lines = new LineCounter();
  const yaml =
    typeof source === 'string' ? parseDocument(source, { lineCounter: lines, merge: true }) : undefined;
  const lineOf = yaml === undefined ? () => 0 : finder(yaml, lines);
  const error = yaml?.errors[0];
  if (error !== undefined) {
    return failed(error.linePos?.[0].line ?? 1, '', error.message.split('\n')[0] ?? 'not YAML');
  }
  let value: unknown;
  try {
    value = yaml === undefined ? source : yaml.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    return failed(1, '', thrown instanceof Error ? thrown.message : String(thrown));
  }
  const read = documentSchema.safeParse(value);
  if (!read.success) {
    return {
      document: undefined,
      lineOf,
      problems: read.error.issues.map(({ path, message }) => {
        const pointer = path.length === 0 ? '' : `/${path.map(String).map(toToken).join('/')}`;
        return { line: lineOf(pointer), pointer, problem: message, severity: 'error' };
      }),
    };
  }
  const problems = checkDocument(read.data, policy).map((one) => ({ line: lineOf(one.pointer), ...one }));
  return { document: read.data, problems, lineOf };
}

/** Where in the text of a document a JSON Pointer leads: the line, from 1, of the nearest part that is there. */
export function lineFinder(source: string): (pointer: string) => number {
  const lines = new LineCounter();
  return finder(parseDocument(source, { lineCounter: lines }), lines);
}

function finder(yaml: Document, lines: LineCounter): (pointer: string) => number {
  return (pointer) => {
    const path = pointer.split('/').slice(1).map(ofToken);
    for (let depth = path.length; depth > 0; depth -= 1) {
      const node = yaml.getIn(path.slice(0, depth), true) as { range?: [number] } | undefined;
      if (node?.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };
}

const toToken = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');
const ofToken = (token: string) => token.replaceAll('~1', '/').replaceAll('~0', '~');

/**
 * Reads a document.
 * @throws WORKFLOW_INVALID with the line and the path of the first mistake, and all of them in its details
 */
export function parseWorkflow(
  source: string | object,
  file = 'the document',
  policy: RunPolicy = {},
): WorkflowDocument {
  const { document, problems } = checkWorkflow(source, policy);
  const errors = problems.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (document !== undefined && first === undefined) return document;
  throw invalid(file, errors);
}

/** The error for what is wrong with a document. */
export function invalid(file: string, errors: PlacedProblem[]): Error {
  const [first] = errors;
  const place = first?.pointer === '' || first === undefined ? 'its beginning' : first.pointer;
  const where = (first?.line ?? 0) > 0 ? `line ${first?.line} (${place})` : place;
  return fail('WORKFLOW_INVALID', {
    file,
    where,
    problem: first?.problem ?? 'not a workflow',
    problems: errors,
  });
}
