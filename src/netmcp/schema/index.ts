/** Every parameter and result of NetMCP 1.0: zod schemas, types inferred from them. */
export { approveParamsSchema, unapprovedResultSchema } from './admission.ts';
export {
  ERROR_CONFLICT,
  ERROR_FORBIDDEN,
  ERROR_LIMIT,
  ERROR_NOT_OWNER,
  ERROR_OVERLOADED,
  EXTENSION,
  emptyResultSchema,
  VERSION,
} from './base.ts';
export {
  type CallMeta,
  type ChainEntry,
  callMetaSchema,
  chainEntrySchema,
  type ResultMeta,
  resultMetaSchema,
  type Taint,
  taintSchema,
} from './call.ts';
export {
  type Binding,
  bindingSchema,
  type LifeState,
  lifeStateSchema,
  type PublishedResult,
  type PublishedTool,
  publicationSchema,
  publishedResultSchema,
  publishedToolSchema,
  toolNameSchema,
  toolRegisterParamsSchema,
  toolRemoveParamsSchema,
  toolsetLoadParamsSchema,
  toolsetResultSchema,
  toolsetUnloadParamsSchema,
  toolUpdateParamsSchema,
} from './life.ts';
export { CLIENT_OFFER, featureOfMethod, METHODS, NOTIFICATIONS } from './methods.ts';
export {
  type EntryValue,
  type ReplicaPage,
  type ReplicaRecord,
  type ReportValue,
  syncParamsSchema,
  syncResultSchema,
} from './registry.ts';
export {
  type ToolsDiscoverParams,
  type ToolsDiscoverResult,
  toolsDiscoverParamsSchema,
  toolsDiscoverResultSchema,
} from './search.ts';
export {
  alternateSchema,
  type ChangeNotice,
  changedParamsSchema,
  type DiscoverParams,
  deregisterParamsSchema,
  discoverParamsSchema,
  discoverResultSchema,
  type LoadNotice,
  loadParamsSchema,
  loadStateSchema,
  overloadedDataSchema,
  type Registration,
  type Report,
  registerParamsSchema,
  registerResultSchema,
  reportParamsSchema,
  reportResultSchema,
  type ServerEntry,
  serverEntrySchema,
  subscribeParamsSchema,
  subscribeResultSchema,
  type ToolSummary,
  toolSummarySchema,
  updateParamsSchema,
} from './servers.ts';
export {
  type Category,
  categorySchema,
  type Permission,
  permissionSchema,
  type ToolMeta,
  toolMetaSchema,
} from './tool.ts';
