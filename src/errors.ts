import { errorsOf } from '../machines/failure.ts';
import { CHANGE_ERRORS } from './errors/change.ts';
import { CONFORMANCE_ERRORS } from './errors/conformance.ts';
import { DURABLE_ERRORS } from './errors/durable.ts';
import { EXPLORE_ERRORS } from './errors/explore.ts';
import { GATEWAY_ERRORS } from './errors/gateway.ts';
import { KNOWLEDGE_ERRORS } from './errors/knowledge.ts';
import { NETMCP_ERRORS } from './errors/netmcp.ts';
import { NETWORK_ERRORS } from './errors/network.ts';
import { RUNTIME_ERRORS } from './errors/runtime.ts';
import { SBI_ERRORS } from './errors/sbi.ts';
import { TOOLIZATION_ERRORS } from './errors/toolization.ts';
import { WORKFLOW_ERRORS } from './errors/workflow.ts';

/**
 * The catalogue of errors of `src/`, a file for each area. Codes are stable and begin with the area's name;
 * `docs/errors.md` is generated from here.
 */
export const CATALOG = {
  ...RUNTIME_ERRORS,
  ...DURABLE_ERRORS,
  ...CONFORMANCE_ERRORS,
  ...NETWORK_ERRORS,
  ...NETMCP_ERRORS,
  ...SBI_ERRORS,
  ...TOOLIZATION_ERRORS,
  ...WORKFLOW_ERRORS,
  ...CHANGE_ERRORS,
  ...KNOWLEDGE_ERRORS,
  ...EXPLORE_ERRORS,
  ...GATEWAY_ERRORS,
} as const;

export const fail = errorsOf(CATALOG);
export { NetAgentError } from '../machines/failure.ts';
