import type { Category, Permission, ToolMeta } from '../schema/index.ts';
import type { Target } from '../session/client-session.ts';

/** A plain MCP server that is to appear through a tool server, and what the operator says about it. */
export interface Adoption {
  /** Its tools are named `<id>__<tool>`. */
  id: string;
  target: Target;
  category?: Category;
  labels?: string[];
  /** Who may call its tools once they are approved; everybody unless told. */
  permission?: Permission;
  /** The operator's word on what a tool does, by its name there; it counts more than hints. */
  effects?: Record<string, ToolMeta['effects']>;
  constraints?: Record<string, ToolMeta['constraints']>;
  /** Whether a tool that calls itself read-only is offered without approval. */
  trustReadHints?: boolean;
  /** Calls at a time. */
  parallel?: number;
  /** For one call, ms. */
  timeoutMs?: number;
}

export interface AdoptedState {
  id: string;
  state: 'starting' | 'ready' | 'down' | 'givenUp' | 'stopped';
  reason: string;
  /** Its tools by our names. */
  tools: string[];
  /** Tools that cannot be taken over. */
  refused: Array<{ name: string; problem: string }>;
}
