import type { NfTool } from '../netmcp/index.ts';
import type { CompositeTool } from './bundle.ts';

/** Placeholder, see below. */
export function compositeTool(_composite: CompositeTool, _tools: ReadonlyMap<string, NfTool>): NfTool {
  throw new Error('not yet');
}
