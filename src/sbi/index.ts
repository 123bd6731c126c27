export {
  SbiClient,
  type SbiExchange,
  type SbiReply,
  type SbiRequester,
  type SbiRequestOptions,
} from './client.ts';
export { invalid, readBody } from './invalid.ts';
export { type Attachment, MULTIPART } from './multipart.ts';
export { operationOf } from './operation.ts';
export { PROBLEM_TYPE, type ProblemDetails, problem, SbiProblem } from './problem.ts';
export { type ChainEntry, recording } from './recording.ts';
export type { Method, RouteOptions, SbiAnswer, SbiCall } from './router.ts';
export { createSbiServer, type SbiServer } from './server.ts';
export type { SbiIdentity } from './tokens.ts';
