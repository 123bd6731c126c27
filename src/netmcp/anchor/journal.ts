import type { Marks } from '../../../machines/protocols/route.machine.ts';
import type { Contexts } from '../context/contexts.ts';
import { getKey, peekKey, setKey } from '../context/keys.ts';
import { ERROR_LIMIT, type ExecuteResult, type StepReport } from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import { mustCover } from './whose.ts';

interface Head {
  /** Of steps and join: one id, one execution. */
  digest: string;
  ids: string[];
  end: ExecuteResult['state'] | null;
  cancelled: boolean;
  /** Scopes of whoever began it or went on with it: who has fewer is given nothing of it. */
  rights?: string[];
}

export interface Kept {
  report: StepReport;
  /** Text of the result, for expressions. */
  text: string;
  /** Place in the order in which the steps ended. */
  order?: number;
}

/** What an execution has done, in its context; every write is refused to an anchor whose epoch is old. */
export interface Journal {
  readonly epoch: number;
  head(): Head;
  /** Steps by id; those that were begun are `running` and name their server. */
  steps(): Map<string, Kept>;
  /** Keeps how a step stands; an output that is too large for the context is left out, and said so. */
  keep(id: string, kept: Kept): Kept;
  cancel(): void;
  end(state: ExecuteResult['state']): void;
  /** A value of the context for a reference, and for `saveAs`. */
  value(key: string): unknown;
  save(key: string, value: unknown): void;
}

const headKeyOf = (executionId: string) => `$execution/${executionId}`;

/**
 * Before the role is taken: a caller who may not have the execution must not end it for who does.
 * @throws RpcError -32602, -32012
 */
export function mayGoOn(options: {
  contexts: Contexts;
  contextId: string;
  executionId: string;
  digest: string;
  rights: string[];
}): void {
  const { contexts, contextId, executionId } = options;
  if (!contexts.has(contextId)) return;
  checkHead(
    contexts.rows((rows) => peekKey(rows, contextId, headKeyOf(executionId))) as Head | null,
    options,
  );
}

function checkHead(before: Head | null, { digest, rights }: { digest: string; rights: string[] }): void {
  if (before === null) return;
  if (before.digest !== digest)
    throw new RpcError(INVALID_PARAMS, 'The execution id was used with other steps');
  mustCover(rights, before.rights ?? []);
}

/** Opens the journal of an execution in a context that this server owns. @throws RpcError -32602, -32011, -32012, -32014 */
export function openJournal(options: {
  contexts: Contexts;
  contextId: string;
  epoch: number;
  executionId: string;
  digest: string;
  rights: string[];
  ids: string[];
}): Journal {
  const { contexts, contextId, epoch, executionId, ids } = options;
  const headKey = headKeyOf(executionId);
  const stepKey = (id: string) => `$execution/${executionId}/${id}`;
  const within = <R>(work: Parameters<typeof contexts.within<R>>[2]) =>
    contexts.within(contextId, epoch, work);
  const read = () => within((tx) => getKey(tx, headKey).value) as Head | null;
  const write = (change: Partial<Head>) =>
    void within((tx) => setKey(tx, headKey, { ...(getKey(tx, headKey).value as Head | null), ...change }));

  const before = read();
  checkHead(before, options);
  const { digest, rights } = options;
  if (before === null) write({ digest, ids, end: null, cancelled: false, rights });
  else if (rights.length > (before.rights ?? []).length) write({ rights });

  return {
    epoch,
    head: () => read() as Head,
    steps: () =>
      within(
        (tx) =>
          new Map(
            ids.flatMap((id) => {
              const { found, value } = getKey(tx, stepKey(id));
              return found ? [[id, value as unknown as Kept] as const] : [];
            }),
          ),
      ),
    keep(id, kept) {
      const put = (value: Kept) => void within((tx) => setKey(tx, stepKey(id), value));
      try {
        put(kept);
        return kept;
      } catch (error) {
        if (!isLimit(error) || kept.report.output === null) throw error;
        const without = {
          text: '',
          report: { ...kept.report, output: null, problem: 'the output is too large for the context' },
        };
        put(without);
        return without;
      }
    },
    cancel: () => write({ cancelled: true }),
    end: (state) => write({ end: state }),
    value: (key) =>
      within((tx) => {
        const { found, value } = getKey(tx, key);
        return found ? value : undefined;
      }),
    save: (key, value) => void within((tx) => setKey(tx, key, value)),
  };
}

const isLimit = (error: unknown) => error instanceof RpcError && error.code === ERROR_LIMIT;

/** What is finished; what was under way waits to be repeated. */
export function marksOf(steps: ReadonlyMap<string, Kept>): Marks {
  return Object.fromEntries(
    [...steps].map(([id, { report }]) => [id, report.state === 'running' ? 'waiting' : report.state]),
  );
}
