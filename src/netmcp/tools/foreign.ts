import type { Taint } from '../schema/index.ts';
import type { CallToolResult } from '../session/server-session.ts';

/** A result that another MCP server made: its content goes on as it is, with what was found in it. */
export class ForeignResult {
  readonly result: Pick<CallToolResult, 'content' | 'structuredContent' | 'isError'>;
  readonly taint: Taint[];

  constructor(result: ForeignResult['result'], taint: Taint[]) {
    this.result = result;
    this.taint = taint;
  }
}
