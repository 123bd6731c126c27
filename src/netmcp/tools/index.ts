import { coreTools } from './core.ts';
import { ranTools } from './ran.ts';
import { transportTools } from './transport.ts';
import type { NfTool } from './types.ts';

const BY_AREA = { ran: ranTools, core: coreTools, transport: transportTools } as const;

/** The tools of one tool server. */
export function toolsOf(area: keyof typeof BY_AREA): NfTool[] {
  return [...BY_AREA[area]];
}
