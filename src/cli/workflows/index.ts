import { fail } from '../../errors.ts';
import type { Parsed } from '../args.ts';
import type { Output } from '../output.ts';
import { checkSources } from './check.ts';
import { type Workflows, workflowsOf } from './client.ts';
import { decide, listApprovals } from './decisions.ts';
import { emit, listTriggers } from './events.ts';
import { actOn, listInstances, purge, showInstance } from './instances.ts';
import { followInstance, runWorkflow } from './run.ts';
import { readText } from './source.ts';
import { isCode, listTemplates, matchTemplates, showTemplate, unknown } from './templates.ts';
import { translatePolicy } from './translate.ts';

/** How many words a form takes after its own, least and most. */
const FORMS: Record<string, [least: number, most: number]> = {
  list: [0, 0],
  show: [1, 1],
  match: [1, Infinity],
  translate: [1, 1],
  check: [1, Infinity],
  run: [1, 1],
  follow: [1, 1],
  instances: [0, 0],
  cancel: [1, 1],
  pause: [1, 1],
  resume: [1, 1],
  restart: [1, 1],
  purge: [0, 1],
  approvals: [0, 0],
  approve: [1, 2],
  reject: [1, 2],
  emit: [1, 1],
  triggers: [0, 0],
};

/** How long a check waits for a runtime that may not be there, ms. */
const CHECK_PATIENCE_MS = 5_000;

/** `netagent workflows`: what the first word says; a word that is none of them is a template or an instance. */
export async function runWorkflows(parsed: Parsed, output: Output): Promise<number> {
  const [word = 'list', ...more] = parsed.positionals;
  const form = FORMS[word];
  const url = parsed.values.to as string;
  if (form === undefined) {
    const problem = `${JSON.stringify(word)} is nothing that can be done with ${JSON.stringify(more.join(' '))}.`;
    if (more.length > 0) throw fail('CLI_USAGE', { problem, verb: 'workflows' });
    return show(workflowsOf(url), word, output, Object.keys(FORMS), parsed.values.version);
  }
  const [least, most] = form;
  if (more.length < least || more.length > most) {
    const problem = `${word} takes ${least === most ? least : most === Infinity ? `at least ${least}` : `${least} or ${most}`} ${most === 1 ? 'word' : 'words'} more, not ${more.length}.`;
    throw fail('CLI_USAGE', { problem, verb: 'workflows' });
  }
  const [first = '', second] = more;
  const workflows = workflowsOf(url, word === 'check' ? { patienceMs: CHECK_PATIENCE_MS } : {});
  switch (word) {
    case 'show':
      return show(workflows, first, output, [], parsed.values.version);
    case 'match':
      return matchTemplates(workflows, more.join(' '), parsed, output);
    case 'translate':
      return translatePolicy(workflows, first, output);
    case 'check':
      return checkSources(
        workflows,
        more.map((file) => ({ file, text: readText(file) })),
        output,
      );
    case 'run':
      return runWorkflow(workflows, first, parsed, output);
    case 'follow':
      return followInstance(workflows, first, output);
    case 'instances':
      return listInstances(workflows, parsed, output);
    case 'cancel':
    case 'pause':
    case 'resume':
    case 'restart':
      return actOn(workflows, word, first, parsed, output);
    case 'purge':
      return purge(workflows, more[0], parsed, output);
    case 'approvals':
      return listApprovals(workflows, output);
    case 'approve':
    case 'reject':
      return decide(workflows, word, { id: first, hash: second }, output);
    case 'emit':
      return emit(workflows, first, parsed, output);
    case 'triggers':
      return listTriggers(workflows, output);
    default:
      return listTemplates(workflows, parsed, output);
  }
}

/** A template if one has that name, else an instance. */
async function show(
  workflows: Workflows,
  name: string,
  output: Output,
  words: string[],
  version: string | undefined,
): Promise<number> {
  try {
    return showTemplate(await workflows.template(name, version), output);
  } catch (error) {
    if (!isCode(error, 'WORKFLOW_NOT_FOUND')) throw error;
  }
  try {
    return showInstance(await workflows.instance(name), output);
  } catch (error) {
    if (!isCode(error, 'WORKFLOW_INSTANCE_UNKNOWN')) throw error;
    throw await unknown(workflows, name, { what: 'template or instance', words });
  }
}
