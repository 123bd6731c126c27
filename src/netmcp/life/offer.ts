import type { Taint } from '../schema/index.ts';
import type { NfTool } from '../tools/types.ts';

/** What one provider offers under one name, read and executable. */
export interface Offer {
  name: string;
  /** Its name at an adopted server, which may have other characters. */
  bare?: string;
  /** `nrf:<instance>`, `agent:<name>` or `mcp:<id>`. */
  provider: string;
  origin: 'nrf' | 'direct' | 'adopted';
  version: string;
  summary: string;
  tool: NfTool;
  /** What is pinned, compared and shown. */
  content: Record<string, unknown>;
  /** Of `content`. */
  hash: string;
  /** Of description and input: the same under another name is a rename or an alias. */
  body: string;
  /** Reasons of its own to hold it until somebody approves it. */
  doubts: string[];
  taint: Taint[];
  /** Whether it works; a rejection counts as no. */
  probe?(signal: AbortSignal): Promise<boolean>;
}
