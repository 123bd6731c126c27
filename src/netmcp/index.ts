export type { AdoptedState, Adoption } from './adopt/adoption.ts';
export {
  connectNetMcp,
  type NetMcpClient,
} from './client/client.ts';
export type { CallOptions, ToolOutcome } from './client/outcome.ts';
export { connectPlain, type PlainClient } from './client/plain.ts';
export type { ApprovalRecord, ApprovalStore, Pending } from './life/approvals.ts';
export type { ToolLifeEntry } from './life/book.ts';
export type { LifeOptions, ToolLife } from './life/life.ts';
export type { ScopeMatch } from './life/match.ts';
export type { Toolset } from './life/toolsets.ts';
export { startManagementServer } from './management/server.ts';
export type { ChainEntry, DiscoverParams, ServerEntry } from './schema/index.ts';
export { toolsOf } from './tools/index.ts';
export type { NfTool, SbiRequest, SbiResponse, ToolContext } from './tools/types.ts';
export { startToolServer, type ToolServer, type ToolServerOptions } from './toolserver/server.ts';
