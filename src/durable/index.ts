export { type BusSessions, openBusSessions } from './bus-sessions.ts';
export { CONTEXT_FILE, openContextStore, type SharedRows, type SharedStore } from './context-store.ts';
export { type Collection, openStore, STORE_FILE, type Store } from './store.ts';
export type { Checkpoint, InstanceRow, LedgerChange, WorkflowLedger } from './workflow-ledger.ts';
