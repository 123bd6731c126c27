export type { Checkpoint, InstanceRow, LedgerChange, WorkflowLedger } from '../../durable/index.ts';
