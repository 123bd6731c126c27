export { type BringOptions, type BroughtAgent, bringAgent } from './bring.ts';
export {
  CAMARA_SCOPES,
  type CallTool,
  type Camara,
  type CamaraAccess,
  OPEN_ACCESS,
  openCamara,
  type QosRecord,
  readCatalogue,
  tokenAccess,
} from './camara/index.ts';
export {
  type Gateway,
  type GatewayAgents,
  type GatewayOptions,
  type GatewayState,
  openGateway,
} from './http.ts';
export type { GatewayLimits } from './limits.ts';
export { GATEWAY_LIMITS } from './limits.ts';
export { type BroughtTask, memoryTaskLinks, type TaskLinks } from './links.ts';
export type {
  ApprovalView,
  OperatedWorkflows,
  RunRequest,
  TemplateView,
  WorkflowEventView,
  WorkflowInstanceDetail,
  WorkflowInstanceView,
  WorkflowProblem,
} from './operated-workflows.ts';
export { bearerUsers, type GatewayUser, type UserBuilder, type UserRequest } from './users.ts';
