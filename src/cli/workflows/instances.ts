import { fail } from '../../errors.ts';
import { durationMs } from '../../workflow/index.ts';
import type { Parsed } from '../args.ts';
import type { Output } from '../output.ts';
import { table } from '../table.ts';
import type { Instance, InstanceDetail, Workflows } from './client.ts';
import { field } from './templates.ts';
import {
  cut,
  dateTime,
  endsOf,
  eventLine,
  faultLines,
  isEnd,
  pretty,
  span,
  taskPath,
  told,
  width,
} from './text.ts';

/** Events of an instance that are shown. */
const LAST = 12;

/** `netagent workflows instances` */
export async function listInstances(
  workflows: Workflows,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const { status, workflow, limit } = values;
  const instances = await workflows.instances({ status, workflow, limit });
  output.value(instances);
  output.text(
    instances.length === 0
      ? 'There are no such instances.'
      : table(
          ['instance', 'workflow', 'status', 'started', 'took', 'at'],
          instances.map((one) => [
            one.id,
            `${one.workflow} ${one.version}`,
            one.status,
            dateTime(one.startedAt),
            one.endedAt === null || one.endedAt === one.startedAt ? '' : span(one.endedAt - one.startedAt),
            cut(whereOf(one), 40),
          ]),
          Math.max(140, width()),
        ),
  );
  return 0;
}

const whereOf = ({ active, fault }: Instance): string =>
  fault === undefined
    ? active.map(taskPath).join(', ')
    : `${taskPath(fault.instance)}: ${fault.title || fault.type}`;

/** `netagent workflows show ID` */
export function showInstance(instance: InstanceDetail, output: Output): number {
  output.value(instance);
  const { id, workflow, version, status, run, labels, active, fault, steps, events, insight } = instance;
  output.text(`${id}: ${workflow} ${version} is ${status}\n`);
  field(output, 'started', dateTime(instance.startedAt));
  if (instance.endedAt !== null) {
    const took = span(instance.endedAt - instance.startedAt);
    field(
      output,
      'ended',
      dateTime(instance.endedAt) + (instance.endedAt > instance.startedAt ? `, after ${took}` : ''),
    );
  }
  if (run > 0) field(output, 'set back', run === 1 ? 'once' : `${run} times`);
  for (const [name, value] of Object.entries(labels)) field(output, name, value);
  for (const pointer of active) field(output, 'at', `${taskPath(pointer)} (${pointer})`);
  const sentence = told(insight);
  if (sentence !== undefined) field(output, 'insight', sentence);
  if (fault !== undefined) {
    output.text('');
    for (const line of faultLines(fault)) output.text(line);
  }
  if (instance.output !== undefined) output.text(`\nOutput:\n${pretty(instance.output)}`);
  const back = latest(steps.flatMap(({ at, entered }) => entered.map((pointer) => ({ at, pointer }))));
  if (back.length > 0) {
    output.text(`\nSteps to go back to, with netagent workflows restart ${id} --from POINTER:`);
    output.text(
      table(
        ['at', 'pointer'],
        back.map(({ at, pointer }) => [dateTime(at), pointer]),
        width(),
      ).replace(/^/gm, '  '),
    );
  }
  const ends = endsOf(events).filter((event) => !isEnd(event) || event.instance !== id);
  if (ends.length > 0) {
    output.text(`\nEvents${ends.length > LAST ? `, the last ${LAST} of ${ends.length}` : ''}:`);
    for (const event of ends.slice(-LAST)) output.text(eventLine(event, id));
  }
  return 0;
}

/** Each step once, as it was begun last: that is where a restart goes back to. */
function latest(steps: Array<{ at: number; pointer: string }>) {
  const last = new Map(steps.map(({ pointer }, index) => [pointer, index]));
  return steps.filter(({ pointer }, index) => last.get(pointer) === index);
}

const DONE = { cancel: 'is told to end', pause: 'is held', resume: 'goes on', restart: 'goes on from there' };

/** `netagent workflows cancel|pause|resume|restart ID` */
export async function actOn(
  workflows: Workflows,
  verb: keyof typeof DONE,
  id: string,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const now = await workflows.act(id, verb, values.from);
  const { steps: _, events: __, ...view } = now;
  output.value(view);
  const at = now.active.length === 0 ? '' : `, at ${now.active.map(taskPath).join(', ')}`;
  output.text(`${id} ${DONE[verb]}; it is ${now.status}${at}.`);
  return 0;
}

/** `netagent workflows purge ID` and `purge --older-than PT24H` */
export async function purge(
  workflows: Workflows,
  id: string | undefined,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const older = values['older-than'];
  if ((id === undefined) === (older === undefined)) {
    throw fail('CLI_USAGE', { problem: 'purge needs an ID, or --older-than TIME.', verb: 'workflows' });
  }
  const what = id === undefined ? { olderThan: durationMs(older) } : { id };
  const { purged } = await workflows.purge(what);
  output.value({ ...(id === undefined ? {} : { id }), purged });
  output.text(purged === 1 ? '1 instance is forgotten.' : `${purged} instances are forgotten.`);
  return 0;
}
