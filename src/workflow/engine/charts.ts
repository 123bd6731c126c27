import type { AnyStateMachine } from 'xstate';
import { fail } from '../../errors.ts';
import { compileDocument } from '../chart/compile.ts';
import type { ChartEffects } from '../chart/types.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import { type CompiledWorkflow, compiled } from './compiled.ts';
import type { InstanceRow, WorkflowLedger } from './ledger.ts';

/** Charts and documents that are kept at hand; the oldest go, and are made again. */
const REMEMBERED = 1_000;

/** The documents of instances and their charts, each made once. */
export function createCharts(ledger: WorkflowLedger | undefined, effects: ChartEffects) {
  const charts = new Map<string, AnyStateMachine>();
  const workflows = new Map<string, CompiledWorkflow>();
  return {
    chartOf({ hash, document }: CompiledWorkflow): AnyStateMachine {
      const chart = charts.get(hash) ?? compileDocument(document, effects);
      if (!charts.has(hash)) remember(charts, hash, chart, REMEMBERED);
      return chart;
    },
    /** @throws WORKFLOW_INSTANCE_STATE where the document is gone */
    workflowOf({ document: hash, id }: InstanceRow): CompiledWorkflow {
      const known = workflows.get(hash);
      if (known !== undefined) return known;
      const source = ledger?.document(hash);
      if (source === undefined)
        throw fail('WORKFLOW_INSTANCE_STATE', { id, problem: 'its document is gone' });
      const workflow = compiled(JSON.parse(source) as WorkflowDocument);
      remember(workflows, hash, workflow, REMEMBERED);
      return workflow;
    },
  };
}

/** Keeps the newest. */
export function remember<T>(known: Map<string, T>, key: string, value: T, most: number): void {
  known.set(key, value);
  if (known.size > most) known.delete(known.keys().next().value as string);
}
