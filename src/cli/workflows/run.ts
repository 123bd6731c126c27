import { fail } from '../../errors.ts';
import type { Parsed } from '../args.ts';
import type { Output } from '../output.ts';
import { stopSignal } from '../start.ts';
import { wrap } from '../table.ts';
import { checkSources } from './check.ts';
import type { FollowRecord, InstanceEvent, Workflows } from './client.ts';
import { isFile, jsonOf, readText } from './source.ts';
import { isCode, unknown } from './templates.ts';
import { eventLine, faultLines, isEnd, pretty, span, told, width } from './text.ts';

/** A task that began is told when nothing more happened for so long, ms: most end at once, and that is told. */
const SETTLE_MS = 400;

/** `netagent workflows run NAME|FILE`: exit code 1 where it did not complete. */
export async function runWorkflow(
  workflows: Workflows,
  what: string,
  { values, switches }: Parsed,
  output: Output,
): Promise<number> {
  const source = isFile(what) ? readText(what) : undefined;
  const request = {
    ...(source === undefined ? { workflow: what } : { source }),
    ...(values.version === undefined ? {} : { version: values.version }),
    ...(values.input === undefined ? {} : { input: jsonOf('input', values.input) }),
    ...(values.id === undefined ? {} : { id: values.id }),
    ...(switches.has('dry-run') ? { dryRun: true } : {}),
  };
  let made: { id: string; dryRun: boolean };
  try {
    made = await workflows.run(request);
  } catch (error) {
    if (isCode(error, 'WORKFLOW_NOT_FOUND')) throw await unknown(workflows, what, { what: 'template' });
    // All that is wrong with it, with the lines of the file.
    if (source !== undefined && isCode(error, 'WORKFLOW_INVALID'))
      return checkSources(workflows, [{ file: what, text: source }], output);
    throw error;
  }
  const { id, dryRun } = made;
  if (dryRun) {
    output.text(`${what === '-' ? 'The document' : what} and its input are fine; nothing was run.`);
    output.value({ type: 'result', dryRun: true, valid: true });
    return 0;
  }
  if (switches.has('detach')) {
    output.text(`${id} runs; netagent workflows show ${id} tells how far it is.`);
    output.value({ type: 'result', id, status: 'running' });
    return 0;
  }
  output.text(`${id} runs.`);
  output.value({ type: 'started', id });
  return followInstance(workflows, id, output);
}

/** Follows an instance to its end. Ctrl-C ends the following alone. */
export async function followInstance(workflows: Workflows, id: string, output: Output): Promise<number> {
  const stop = stopSignal();
  let settling: NodeJS.Timeout | undefined;
  let deepest = '';
  const tell = (event: InstanceEvent) => {
    const own = event.instance === id;
    const pointer = event.type === 'task.started' ? (event.pointer ?? '') : '';
    // The task around it begins with it: it stays at the inner one.
    if (pointer === '' || !deepest.startsWith(`${pointer}/`)) {
      clearTimeout(settling);
      deepest = pointer;
    }
    if (pointer !== '') {
      if (deepest === pointer) settling = setTimeout(() => output.text(eventLine(event, id)), SETTLE_MS);
    } else if (!own || (!isEnd(event) && event.type !== 'workflow.started'))
      output.text(eventLine(event, id));
    const { type, ...rest } = event;
    output.value({ type: 'progress', event: type, ...rest });
  };
  try {
    for await (const record of workflows.follow(id, { signal: stop.signal })) {
      if (isResult(record)) {
        clearTimeout(settling);
        return conclude(record, output);
      }
      tell(record);
    }
  } finally {
    clearTimeout(settling);
    stop.dispose();
  }
  if (stop.signal.aborted) {
    output.text(`\n${id} goes on.\n`);
    output.text(`  netagent workflows follow ${id}\n  netagent workflows cancel ${id}`);
    output.value({ type: 'result', id, status: 'running' });
    return 130;
  }
  throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
}

type Result = Extract<FollowRecord, { type: 'result' }>;
const isResult = (record: FollowRecord): record is Result => record.type === 'result';

function conclude(result: Result, output: Output): number {
  const { id, status, fault, startedAt, endedAt, insight } = result;
  output.value(result);
  // Network time stands still while agents work; a run that waited for nothing took none.
  const took = (endedAt ?? startedAt) - startedAt;
  output.text(`\n${result.workflow} ${status}${took > 0 ? ` after ${span(took)}` : ''}.`);
  const sentence = told(insight);
  for (const line of sentence === undefined ? [] : wrap(sentence, width())) output.text(line);
  if (fault !== undefined) {
    for (const line of faultLines(fault)) output.text(line);
    output.text(`\n  netagent workflows show ${id}\n  netagent workflows restart ${id}`);
  } else if (status === 'completed') output.text(pretty(result.output ?? null));
  return status === 'completed' ? 0 : 1;
}
