/** The bus: an embedded MQTT 5 broker, and A2A over MQTT on it or on any other broker. */
export { agentCard, BINDING, type CardOptions } from './a2a/card.ts';
export type { AgentPresence } from './a2a/discovery.ts';
export { type ExchangeTimers, PROFILE_TIMERS } from './a2a/exchange.ts';
export { type BusMember, type JoinOptions, joinBus } from './a2a/member.ts';
export {
  type Dispatcher,
  type DispatcherOptions,
  type PoolEntry,
  type PoolStore,
  startDispatcher,
} from './a2a/pools/dispatcher.ts';
export { POOL_EXTENSION } from './a2a/pools/extension.ts';
export type { PushEntry, PushStore } from './a2a/push/delivery.ts';
export { STRICT_TARGETS, type TargetPolicy, Targets } from './a2a/push/target.ts';
export {
  Admission,
  type AdmissionOptions,
  type Approval,
  type Registration,
  type RegistrationStore,
  type Standing,
} from './a2a/security/admission.ts';
export type { TokenPolicy } from './a2a/security/bearer.ts';
export { signCard, type TrustedKey } from './a2a/security/card-signature.ts';
export type { Encryption } from './a2a/security/ubsp.ts';
export { abortSignalOf, isRecovered } from './a2a/tasks/context.ts';
export { fold, isAtRest, isTerminal } from './a2a/tasks/fold.ts';
export type {
  Durability,
  LoggedEvent,
  TaskChange,
  TaskLedger,
  TaskPage,
  TaskQuery,
  TaskRecord,
  TaskScope,
} from './a2a/tasks/ledger.ts';
export { memoryLedger } from './a2a/tasks/memory-ledger.ts';
export type { Recovery } from './a2a/tasks/service.ts';
export { type AgentId, agentKey, parseAgentId } from './a2a/topics.ts';
export { certificateIdentity } from './embedded/certificate-identity.ts';
export {
  type CredentialEntry,
  type CredentialsFile,
  credentialsFile,
  makeCredential,
} from './embedded/credentials.ts';
export { type Bus, type BusLimits, type BusOptions, startBus } from './embedded/host.ts';
export {
  type Claim,
  firstOf,
  type Identity,
  type IdentityProvider,
  type Verdict,
} from './embedded/identity.ts';
export { isLoopback, type TlsFiles } from './embedded/listeners.ts';
export { tokenIdentity } from './embedded/token-identity.ts';
export { BUS_CATALOG } from './errors.ts';
