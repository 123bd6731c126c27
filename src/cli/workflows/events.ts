import { randomUUID } from 'node:crypto';
import type { Parsed } from '../args.ts';
import type { Output } from '../output.ts';
import { table } from '../table.ts';
import type { Workflows } from './client.ts';
import { jsonOf } from './source.ts';
import { dateTime, width } from './text.ts';

/** `netagent workflows emit TYPE --data JSON` */
export async function emit(
  workflows: Workflows,
  type: string,
  { values }: Parsed,
  output: Output,
): Promise<number> {
  const event = {
    specversion: '1.0',
    id: randomUUID(),
    source: values.source as string,
    type,
    time: new Date().toISOString(),
    ...(values.subject === undefined ? {} : { subject: values.subject }),
    ...(values.data === undefined
      ? {}
      : { datacontenttype: 'application/json', data: jsonOf('data', values.data) }),
  };
  await workflows.publish(event);
  output.value(event);
  output.text(`${type} is published as ${event.id}.`);
  return 0;
}

/** `netagent workflows triggers` */
export async function listTriggers(workflows: Workflows, output: Output): Promise<number> {
  const triggers = await workflows.triggers();
  output.value(triggers);
  output.text(
    triggers.length === 0
      ? 'No trigger is set.'
      : table(
          ['trigger', 'runs', 'running', 'starts', 'last', 'on'],
          triggers.map(({ id, on, workflow, running, starts, lastAt }) => [
            id,
            workflow,
            String(running),
            String(starts),
            lastAt === null ? 'never' : dateTime(lastAt),
            on,
          ]),
          width(),
        ),
  );
  return 0;
}
