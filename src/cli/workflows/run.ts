import { fail } from '../../errors.ts';
import type { Parsed } from '../args.ts';
import type { Output } from '../output.ts';
import { stopSignal } from '../start.ts';
import type { FollowRecord, Workflows } from './client.ts';
import { isFile, jsonOf, readText } from './source.ts';
import { isCode, unknown } from './templates.ts';
import { eventLine, faultLines, pretty, span } from './text.ts';

/** `netagent workflows run NAME|FILE`: exit code 1 where it did not complete. */
export async function runWorkflow(
  workflows: Workflows,
  what: string,
  { values, switches }: Parsed,
  output: Output,
): Promise<number> {
  const request = {
    ...(isFile(what) ? { source: readText(what) } : { workflow: what }),
    ...(values.version === undefined ? {} : { version: values.version }),
    ...(values.input === undefined ? {} : { input: jsonOf('input', values.input) }),
    ...(values.id === undefined ? {} : { id: values.id }),
    ...(switches.has('dry-run') ? { dryRun: true } : {}),
  };
  const { id, dryRun } = await workflows.run(request).catch(async (error) => {
    throw isCode(error, 'WORKFLOW_NOT_FOUND') ? await unknown(workflows, what, { what: 'template' }) : error;
  });
  if (dryRun) {
    output.text(`${what === '-' ? 'The document' : what} and its input are fine; nothing was run.`);
    output.value({ type: 'result', id, dryRun: true, valid: true });
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
  try {
    for await (const record of workflows.follow(id, { signal: stop.signal })) {
      if (isResult(record)) return conclude(record, output);
      output.text(eventLine(record, id));
      const { type, ...event } = record;
      output.value({ type: 'progress', event: type, ...event });
    }
  } finally {
    stop.dispose();
  }
  if (stop.signal.aborted) {
    output.text(`\n${id} goes on. netagent workflows follow ${id} shows it again, cancel ${id} ends it.`);
    output.value({ type: 'result', id, status: 'running' });
    return 130;
  }
  throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
}

type Result = Extract<FollowRecord, { type: 'result' }>;
const isResult = (record: FollowRecord): record is Result => record.type === 'result';

function conclude(result: Result, output: Output): number {
  const { id, status, fault, startedAt, endedAt } = result;
  output.value(result);
  output.text(`\n${result.workflow} ${status} after ${span((endedAt ?? startedAt) - startedAt)}.`);
  if (fault !== undefined) {
    for (const line of faultLines(fault)) output.text(line);
    output.text(
      `\n  netagent workflows restart ${id}    goes on from there\n  netagent workflows show ${id}`,
    );
  } else if (status === 'completed') output.text(pretty(result.output ?? null));
  return status === 'completed' ? 0 : 1;
}
