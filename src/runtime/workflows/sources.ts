import { z } from 'zod';
import type { Clock, Log } from '../../../machines/index.ts';
import type { Collection } from '../../durable/index.ts';
import { fail } from '../../errors.ts';
import type { NetMcpClient } from '../../netmcp/index.ts';
import {
  type AlarmChange,
  type AlarmSource,
  alarmChanges,
  type EventScope,
  type WatchOptions,
} from '../../workflow/events/index.ts';

type Call = NetMcpClient['callTool'];

/** `read` of a condition: which tool is called, and what of its answer are the figures. */
const readSchema = z.strictObject({
  tool: z.string(),
  arguments: z.record(z.string(), z.unknown()).default({}),
  /** jq on the tool's output: a list of `{subject, value}`. */
  select: z.string(),
});
const readings = z.array(z.object({ subject: z.coerce.string(), value: z.number().nullable() }));

/**
 * Reads the figures of conditions through tools of the network. Conditions that ask the same of a tool at the same time
 * share one call.
 */
export function toolReadings({
  call,
  evaluate,
}: {
  call: Call;
  evaluate: EventScope['evaluate'];
}): WatchOptions['read'] {
  const underWay = new Map<string, Promise<unknown>>();
  const ask = (tool: string, args: Record<string, unknown>, signal: AbortSignal) => {
    const key = JSON.stringify([tool, args]);
    const there = underWay.get(key);
    if (there !== undefined) return there;
    const answer = outputOf(call, tool, args, signal).finally(() => underWay.delete(key));
    underWay.set(key, answer);
    return answer;
  };
  return async (condition, signal) => {
    const read = readSchema.safeParse(condition.read);
    if (!read.success) {
      const issue = read.error.issues[0];
      const problem = `read.${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
      throw fail('WORKFLOW_CONDITION_INVALID', { id: condition.id, problem });
    }
    const { tool, arguments: args, select } = read.data;
    return readings.parse(await evaluate(select, await ask(tool, args, signal), {}));
  };
}

const alarmList = z.object({
  alarms: z.array(
    z.looseObject({ alarmId: z.string(), probableCause: z.string(), objectInstance: z.string() }),
  ),
});

/** An alarm that is there, or that has gone and of which that has not been told. */
export interface AlarmRecord {
  change: AlarmChange;
  told: boolean;
}

/**
 * Alarms of the OAM function, which has a list of them and tells nobody: the list is read every `every` ms. What changed
 * is written before it is told, so that after a restart nothing is lost, and what is told again is told as the same.
 */
export function toolAlarms({
  clock,
  log,
  call,
  store,
  every,
  tool = 'recovery_list_alarms',
}: {
  clock: Clock;
  log: Log;
  call: Call;
  store: Collection<AlarmRecord>;
  every: number;
  tool?: string;
}): AlarmSource & { close(): void } {
  const listeners = new Set<(change: AlarmChange) => void | Promise<void>>();
  const stop = new AbortController();
  let timer: unknown;

  const tell = async (): Promise<void> => {
    for (const { id, value } of store.list()) {
      if (value.told) continue;
      await Promise.all([...listeners].map((listen) => listen(value.change)));
      if (stop.signal.aborted) return;
      if (value.change.kind === 'cleared') store.delete(id);
      else store.put(id, { ...value, told: true });
    }
  };
  const look = async (): Promise<void> => {
    await tell();
    const { alarms } = alarmList.parse(await outputOf(call, tool, {}, stop.signal));
    if (stop.signal.aborted) return;
    const known = new Map(store.list().map(({ id, value }) => [id, value.change]));
    for (const change of alarmChanges(known, alarms, clock.now())) {
      store.put(change.alarm.alarmId, { change, told: false });
    }
    await tell();
  };
  const again = (ms: number) => {
    timer = clock.setTimeout(() => {
      look()
        .catch((error) => {
          // What could not be read has not gone: no alarm is cleared by that.
          if (!stop.signal.aborted) log.warn({ problem: String(error) }, 'alarms could not be read');
        })
        .finally(() => {
          if (!stop.signal.aborted) again(every);
        });
    }, ms);
  };

  return {
    subscribe(listener) {
      listeners.add(listener);
      if (timer === undefined && !stop.signal.aborted) again(0);
      return () => void listeners.delete(listener);
    },
    close() {
      stop.abort();
      if (timer !== undefined) clock.clearTimeout(timer);
    },
  };
}

async function outputOf(call: Call, tool: string, args: Record<string, unknown>, signal: AbortSignal) {
  const { output, isError, text } = await call(tool, args, { signal });
  if (isError) throw fail('NETMCP_TOOL_FAILED', { tool, problem: text });
  return output;
}
