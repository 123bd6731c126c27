import { accessTools } from './access.ts';
import { analyticsTools } from './analytics.ts';
import { compositeTools } from './composite.ts';
import { computingTools } from './computing.ts';
import { coreTools } from './core.ts';
import { exposureTools } from './exposure.ts';
import { ranTools } from './ran.ts';
import { ranPolicyTools } from './ran-policies.ts';
import { recoveryTools } from './recovery.ts';
import { registryTools } from './registry.ts';
import { sessionTools } from './sessions.ts';
import { storageTools } from './storage.ts';
import { transportTools } from './transport.ts';
import type { NfTool } from './types.ts';

const BY_AREA = {
  ran: [...ranTools, ...ranPolicyTools],
  core: [...coreTools, ...accessTools, ...sessionTools],
  transport: transportTools,
  computing: [...computingTools, ...storageTools],
  exposure: exposureTools,
  analytics: analyticsTools,
  operations: [...registryTools, ...recoveryTools, ...compositeTools],
} as const;

export type Area = keyof typeof BY_AREA;
/** The areas that have a tool server of their own. */
export const AREAS = Object.keys(BY_AREA) as Area[];

/** The tools of one tool server. */
export const toolsOf = (area: Area): NfTool[] => [...BY_AREA[area]];

/** Where tokens are asked for: tools that can hurt many subscribers want one with their scope. */
export const scoped = (tools: readonly NfTool[]): NfTool[] =>
  tools.map((one) =>
    one.scope === undefined
      ? one
      : { ...one, meta: { ...one.meta, permission: { mode: 'token', scopes: [one.scope] } } },
  );
