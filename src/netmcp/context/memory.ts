import type { ContextRows, ContextStore, Kind } from './store.ts';

/** A store that lives and dies with its process; servers of one process may share it. */
export function memoryContextStore(): ContextStore {
  const tables = new Map<string, Map<string, string>>();
  let undo: Array<() => void> | null = null;
  const nameOf = (context: string, kind: Kind) => `${kind}\n${context}`;
  const table = (context: string, kind: Kind) => {
    const name = nameOf(context, kind);
    const found = tables.get(name) ?? new Map<string, string>();
    tables.set(name, found);
    return found;
  };
  const write = (context: string, kind: Kind, key: string, value: string | undefined) => {
    const rows = table(context, kind);
    const before = rows.get(key);
    undo?.push(() => (before === undefined ? rows.delete(key) : rows.set(key, before)));
    if (value === undefined) rows.delete(key);
    else rows.set(key, value);
  };
  const rows: ContextRows = {
    get: <T>(context: string, kind: Kind, key: string) => {
      const text = tables.get(nameOf(context, kind))?.get(key);
      return text === undefined ? undefined : (JSON.parse(text) as T);
    },
    put: (context, kind, key, value) => write(context, kind, key, JSON.stringify(value)),
    delete: (context, kind, key) => write(context, kind, key, undefined),
    list: <T>(context: string, kind: Kind, options: { prefix?: string; limit?: number } = {}) => {
      const { prefix = '', limit = Number.POSITIVE_INFINITY } = options;
      return [...(tables.get(nameOf(context, kind)) ?? [])]
        .filter(([key]) => key.startsWith(prefix))
        .sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
        .slice(0, limit)
        .map(([key, text]) => ({ key, value: JSON.parse(text) as T }));
    },
    drop(context) {
      for (const [name, gone] of [...tables]) {
        if (name.slice(name.indexOf('\n') + 1) !== context) continue;
        undo?.push(() => tables.set(name, gone));
        tables.delete(name);
      }
    },
  };
  return {
    transact(work) {
      if (undo !== null) return work(rows);
      const log: Array<() => void> = [];
      undo = log;
      try {
        return work(rows);
      } catch (error) {
        undo = null;
        for (const step of log.reverse()) step();
        throw error;
      } finally {
        undo = null;
      }
    },
    close() {},
  };
}
