export type { AdoptedState, Adoption } from './adopt/adoption.ts';
export type { AnchorSettings } from './anchor/anchor.ts';
export {
  agentResource,
  isReserved,
  type Resources,
  SCOPE_REGISTER,
  type TrustedClient,
} from './auth/directory.ts';
export { obtainToken } from './auth/obtain.ts';
export { passwordsOf } from './auth/passwords.ts';
export type { Passwords } from './auth/provider.ts';
export type { ResourceAuth } from './auth/resource.ts';
export {
  type AuthorisationServer,
  type AuthorisationServerOptions,
  startAuthorisationServer,
} from './auth/server.ts';
export type { ClientAuth } from './auth/token-source.ts';
export type { AnchorClient, ExecuteOptions } from './client/anchor.ts';
export {
  connectNetMcp,
  type NetMcpClient,
} from './client/client.ts';
export type { ContextClient } from './client/context.ts';
export type { CallOptions, ToolOutcome } from './client/outcome.ts';
export { connectPlain, type PlainClient } from './client/plain.ts';
export type { PlainParts } from './client/plain-parts.ts';
export { conformanceNetMcp, type NetMcpConformanceOptions } from './conformance/index.ts';
export { CONTEXT_LIMITS, type ContextLimits } from './context/limits.ts';
export { memoryContextStore } from './context/memory.ts';
export type { ContextRows, ContextStore } from './context/store.ts';
export type { ApprovalRecord, ApprovalStore, Pending } from './life/approvals.ts';
export type { ToolLifeEntry } from './life/book.ts';
export type { LifeOptions, ToolLife } from './life/life.ts';
export type { ScopeMatch } from './life/match.ts';
export type { Toolset } from './life/toolsets.ts';
export { startManagementServer } from './management/server.ts';
export { NotComposable, permissionOf } from './optimise/compose.ts';
export type {
  ChainEntry,
  DiscoverParams,
  ExecuteParams,
  ExecuteResult,
  ServerEntry,
  StepReport,
  ToolMeta,
} from './schema/index.ts';
export { EXTENSION, toolMetaSchema } from './schema/index.ts';
export type { OnElicit } from './session/client-session.ts';
export type { ListenOptions } from './session/host.ts';
export { scoped, TOOL_AREAS, type ToolArea, toolsOf } from './tools/index.ts';
export type { Kind, NfTool, SbiRequest, SbiResponse, ToolContext } from './tools/types.ts';
export { type Approver, planHash, signApproval } from './toolserver/approvals.ts';
export { type Audit, type AuditEvent, checkAudit, openAudit } from './toolserver/audit.ts';
export {
  type ExpertCall,
  type ExpertModel,
  type ExpertRule,
  type Judgement,
  ruleExpert,
  TELECOM_RULES,
} from './toolserver/expert.ts';
export type { Approve, HumanAnswer, Question } from './toolserver/human.ts';
export { watchLoop } from './toolserver/load.ts';
export type { PolicyRule } from './toolserver/policy.ts';
export { loadPolicy } from './toolserver/policy-file.ts';
export { memoryReceipts, type Receipts, storeReceipts } from './toolserver/receipts.ts';
export { startToolServer, type ToolServer, type ToolServerOptions } from './toolserver/server.ts';
export { compileTool, MAX_DEFINITION } from './toolserver/verify.ts';
