import { analyticsTools, pathAnalyticsTools } from './analytics.ts';
import { assuranceTools, offloadTools, pathTools } from './assurance.ts';
import { computingTools } from './computing.ts';
import { coreTools } from './core.ts';
import { exposureTools } from './exposure.ts';
import { measurementTools } from './measurements.ts';
import { ranTools } from './ran.ts';
import { ranPolicyTools } from './ran-policies.ts';
import { reachabilityTools } from './reachability.ts';
import { recoveryTools } from './recovery.ts';
import { repositoryTools } from './repository.ts';
import { sessionTools } from './sessions.ts';
import { storageTools } from './storage.ts';
import { transportTools } from './transport.ts';
import type { NfTool } from './types.ts';
import { watchTools } from './watches.ts';

const BY_AREA = {
  ran: [...ranTools, ...ranPolicyTools, ...measurementTools],
  core: [
    ...coreTools,
    ...analyticsTools,
    ...repositoryTools,
    ...reachabilityTools,
    ...sessionTools,
    ...exposureTools,
    ...assuranceTools,
    ...watchTools,
  ],
  transport: [...transportTools, ...pathAnalyticsTools, ...pathTools],
  computing: [...computingTools, ...storageTools, ...offloadTools],
  operations: recoveryTools,
} as const;

export type ToolArea = keyof typeof BY_AREA;

/** Areas that have a tool server of their own. */
export const TOOL_AREAS = Object.keys(BY_AREA) as ToolArea[];

/** The tools of one tool server. */
export function toolsOf(area: ToolArea): NfTool[] {
  return [...BY_AREA[area]];
}

/** Where tokens are asked for: tools that can hurt many subscribers want one with their scope. */
export const scoped = (tools: readonly NfTool[]): NfTool[] =>
  tools.map((one) =>
    one.scope === undefined
      ? one
      : { ...one, meta: { ...one.meta, permission: { mode: 'token', scopes: [one.scope] } } },
  );
