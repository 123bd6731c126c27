/** Kinds of rows. Rows of the empty context belong to the store as a whole. */
export type Kind =
  | 'meta'
  | 'key'
  | 'queue'
  | 'message'
  | 'flight'
  | 'schedule'
  // Of the empty context: the contexts, the schedules by due time, the servers that share the store.
  | 'context'
  | 'due'
  | 'server';

/** JSON values under context, kind and key. */
export interface ContextRows {
  get<T>(context: string, kind: Kind, key: string): T | undefined;
  put(context: string, kind: Kind, key: string, value: unknown): void;
  delete(context: string, kind: Kind, key: string): void;
  /** Rows whose keys begin with `prefix`, in the order of the keys' UTF-8 bytes. */
  list<T>(
    context: string,
    kind: Kind,
    options?: { prefix?: string; limit?: number },
  ): Array<{ key: string; value: T }>;
  /** Removes every row of a context. */
  drop(context: string): void;
}

/**
 * What keeps execution contexts (NetMCP 7). Servers that are given the same store can take contexts over
 * from each other.
 */
export interface ContextStore {
  /** All of `work` or nothing of it, and nobody else in between, in other processes neither. */
  transact<R>(work: (rows: ContextRows) => R): R;
  close(): void;
}
