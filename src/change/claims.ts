import { SUBJECTS, type Subject, subjectsOf, type ToolCall } from './blast.ts';
import type { Claim, Window } from './conflicts.ts';

const KIND: Record<Subject, string> = {
  cells: 'cell',
  subscribers: 'subscriber',
  slices: 'slice',
  paths: 'path',
};

/** What a tool sets where its name does not say it, with which of its arguments as the value, and on what alone. */
const PARAMETERS: ReadonlyArray<{ tool: string; parameter: string; value?: string; of?: Subject }> = [
  { tool: 'ran_set_ue_priority', parameter: 'priority', value: 'priorityLevel' },
  { tool: 'ran_switch_network', parameter: 'rat', value: 'rat' },
  { tool: 'ran_preset_handover', parameter: 'handover' },
  { tool: 'ran_reserve_prbs', parameter: 'reservation', value: 'ratio', of: 'cells' },
  { tool: 'transport_switch_path', parameter: 'anchor', value: 'dnai', of: 'subscribers' },
  { tool: 'core_influence_traffic', parameter: 'anchor', value: 'dnai', of: 'subscribers' },
];
/** Tools that make something of its own beside what is there, and so set nothing that another could set otherwise. */
const ADDITIVE =
  /^(core_(create|request|plan|establish|watch|assure|reach)_|ran_(start|archive)_|compute_(allocate|run|offload|place)|storage_)/;
const WINDOW_KEYS = new Set(['start', 'end']);

/**
 * What a call sets, for arbitration: a claim on each subject of the arguments, or on what it knows by a reference. The
 * parameter is the name of the tool, or the one of the table, by which different tools that set the same thing
 * meet. A reservation on a cell is one of many: it conflicts with what empties the cell, not with the reservation of
 * another subscriber.
 */
export function claimsOf({ tool, arguments: args }: ToolCall): { claims: Claim[]; window: Window | null } {
  const { found, unnamed } = subjectsOf(args);
  const rule = PARAMETERS.find((one) => one.tool === tool);
  const rest = Object.fromEntries(
    Object.entries(args).filter(([key]) => !SUBJECTS.has(key) && !WINDOW_KEYS.has(key)),
  );
  const value = rule?.value === undefined ? rest : args[rule.value];
  const parameter = rule?.parameter ?? tool;
  const supi = found.find(({ subject }) => subject === 'subscribers')?.id;
  const named = found
    .filter(({ subject }) => rule?.of === undefined || subject === rule.of)
    .map(({ subject, id }) => ({
      resource: `${KIND[subject]}:${id}`,
      parameter: subject === 'cells' && supi !== undefined ? `${parameter}/${supi}` : parameter,
      value,
    }));
  const referred = unnamed.map(({ kind, id }) => ({ resource: `${kind}:${id}`, parameter, value }));
  const { start, end } = args;
  const window = {
    ...(typeof start === 'number' && { start }),
    ...(typeof end === 'number' && { end }),
  };
  return {
    claims: ADDITIVE.test(tool) ? [] : [...named, ...referred],
    window: 'start' in window || 'end' in window ? window : null,
  };
}
