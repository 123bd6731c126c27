import type { Log } from '../../../machines/ports.ts';
import type { Instance } from './instance.ts';
import type { InstanceRow } from './ledger.ts';
import type { Lifecycle } from './types.ts';

type Noted = Parameters<Instance['note']>[0];

/** What an engine tells of its instances. Who listens and throws keeps nothing from going on. */
export function createVoice({ log, observe }: { log: Log; observe?: (event: Lifecycle) => void }) {
  const heard = (tell: () => void) => {
    try {
      tell();
    } catch (error) {
      log.error({ problem: String(error) }, 'an observer of workflows failed');
    }
  };
  const say = (event: Lifecycle) => heard(() => observe?.(event));
  const about = ({ id, workflow, version }: InstanceRow) => ({ instance: id, workflow, version });
  const report = (instance: Instance, { path: _, ...event }: Noted): void => {
    const at = instance.clock.now();
    heard(() => instance.options.onProgress?.({ ...event, at }));
    say({ ...event, ...about(instance.row), at });
  };
  const tell = (row: InstanceRow, type: Extract<Lifecycle['type'], `workflow.${string}`>, at: number) =>
    say({ type, ...about(row), at } as Lifecycle);

  return {
    heard,
    report,
    tell,
    /** How an instance ended. */
    ended(row: InstanceRow, at: number): void {
      const { status, fault } = row;
      if (status === 'faulted' && fault !== undefined) {
        say({ type: 'workflow.faulted', ...about(row), at, fault });
      } else tell(row, status === 'cancelled' ? 'workflow.cancelled' : 'workflow.completed', at);
    },
    progress(instance: Instance, pointer: string, text: string, data: unknown): void {
      const at = instance.clock.now();
      const more = data === undefined ? {} : { data };
      say({ type: 'task.progress', ...about(instance.row), at, pointer, text, ...more });
    },
  };
}
