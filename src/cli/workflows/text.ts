import { wrap } from '../table.ts';
import type { Fault, InstanceEvent } from './client.ts';

/** Tables are as wide as the terminal, within reason. */
export const width = (): number => Math.min(160, Math.max(100, process.stdout.columns ?? 100));

const two = (value: number) => String(value).padStart(2, '0');

/** `14:02:09` in the time zone of this machine. */
export function clockTime(at: number): string {
  const time = new Date(at);
  return `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** `2026-11-24 14:02:09` in the time zone of this machine. */
export function dateTime(at: number): string {
  const time = new Date(at);
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${clockTime(at)}`;
}

/** `450 ms`, `12.3 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function span(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`;
  const units: Array<[string, number]> = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
  ];
  const first = units.findIndex(([, size]) => ms >= size);
  let rest = ms;
  return units
    .slice(first, first + 2)
    .map(([unit, size]) => {
      const count = Math.floor(rest / size);
      rest -= count * size;
      return count === 0 ? '' : `${count} ${unit}`;
    })
    .join(' ')
    .trim();
}

/**
 * The names on the way to a task: `/do/1/goThrough/do/0/one/try/0/look` is `goThrough > one > look`.
 * What stands between them is the same for every task of a kind.
 */
export function taskPath(pointer: string): string {
  const tokens = pointer.split('/').slice(1);
  const names: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    if (/^\d+$/.test(tokens[at] as string) && tokens[at + 1] !== undefined) {
      names.push((tokens[at + 1] as string).replaceAll('~1', '/').replaceAll('~0', '~'));
      at += 1;
    }
  }
  return names.length === 0 ? pointer : names.join(' > ');
}

/** Text in one line of at most `most` characters. */
export const cut = (text: string, most: number): string => {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= most ? line : `${line.slice(0, Math.max(0, most - 3)).trimEnd()}...`;
};

/** Whether an event is the end of an instance; what comes of it is said apart. */
export const isEnd = ({ type }: InstanceEvent): boolean =>
  /^workflow\.(completed|faulted|cancelled)$/.test(type);

/** Events without the beginnings of tasks that came to an end. */
export function endsOf(events: readonly InstanceEvent[]): InstanceEvent[] {
  return events.filter(
    ({ type, pointer, instance }, at) =>
      type !== 'task.started' ||
      !events.slice(at + 1).some((one) => one.pointer === pointer && one.instance === instance),
  );
}

/** An event as a line; `own` is the instance that is looked at: of another one the id is said. */
export function eventLine(event: InstanceEvent, own: string): string {
  const what = event.type.replace(/^(task|workflow)\./, '');
  const subject = event.pointer === undefined ? event.workflow : taskPath(event.pointer);
  const whose = event.instance === own ? '' : ` (${event.instance})`;
  const text = event.text === undefined ? '' : `: ${event.text}`;
  const head = `  ${clockTime(event.at)}  ${what.padEnd(9)}  `;
  return `${head}${cut(`${subject}${whose}${text}`, width() - head.length)}`;
}

/** A fault in lines: what, where, and what was said of it. */
export function faultLines(fault: Fault): string[] {
  const kind = fault.type.split('/').at(-1) ?? fault.type;
  const where = fault.instance === '' ? '' : ` at ${fault.instance}`;
  const title = fault.title === '' ? kind : fault.title;
  const detail = fault.detail === '' ? '' : `: ${fault.detail}`;
  return [
    `Fault${where}`,
    ...[title, `${kind}, status ${fault.status}${detail}`].flatMap((text) =>
      wrap(text, width() - 2).map((line) => `  ${line}`),
    ),
  ];
}

/** Outcomes that say no more than the status does. */
const SAME = new Set(['unseen', 'failed', 'cancelled']);

/** What a run meant, where that is more than how it ended. */
export const told = (insight: { text: string; outcome: string } | undefined): string | undefined =>
  insight === undefined || SAME.has(insight.outcome) ? undefined : insight.text;

/** A value as JSON for people: short ones in one line. */
export function pretty(value: unknown, indent = '  '): string {
  const short = JSON.stringify(value) ?? 'null';
  const text = short.length <= 76 ? short : JSON.stringify(value, null, 2);
  return text.replace(/^/gm, indent);
}
