export { NetAgentError } from './failure.ts';
export type { Clock, Env, Ids, Log, Random } from './ports.ts';
export { assuranceMachine } from './protocols/assurance.machine.ts';
export {
  type ChangeContext,
  type ChangeInput,
  type ChangeOutput,
  changeMachine,
} from './protocols/change.machine.ts';
export type {
  ApplyVerdict,
  ApprovalVerdict,
  ChangeEvent,
  ChangeOutcome,
  ClaimVerdict,
  KpiGuard,
  Look,
  ReachVerdict,
  RehearsalVerdict,
} from './protocols/change.messages.ts';
export {
  type DelegationLimits,
  type DelegationOutput,
  delegationMachine,
} from './protocols/delegation.machine.ts';
export {
  type DelegationEvent,
  type Instruction,
  instructionSchema,
  type SubtaskAnswer,
  type UnderstoodInstruction,
} from './protocols/delegation.messages.ts';
export { handoverMachine } from './protocols/handover.machine.ts';
export { instructionMachine } from './protocols/instruction.machine.ts';
export { intentMachine } from './protocols/intent.machine.ts';
export { type IntentUnderstanding, type Stage, stageOf } from './protocols/intent.messages.ts';
export {
  type QosSessionContext,
  type QosSessionEvent,
  type QosStatusInfo,
  qosSessionMachine,
} from './protocols/qos-session.machine.ts';
export {
  DEFAULT_RESTARTS,
  type RestartPolicy,
  type SupervisionEvent,
  supervisionMachine,
} from './protocols/supervision.machine.ts';
export { taskMachine } from './protocols/task.machine.ts';
export type {
  ArtifactNote,
  FollowUp,
  PublishedArtifact,
  PublishedStatus,
  StatusNote,
  TaskEvent,
  TaskRequest,
  TaskResult,
} from './protocols/task.messages.ts';
export { trialMachine } from './protocols/trial.machine.ts';
export type {
  TrialEvent,
  TrialGate,
  TrialInput,
  TrialOutcome,
  TrialOutput,
  TrialReading,
  TrialScope,
  TrialStage,
  TrialTimes,
} from './protocols/trial.messages.ts';
export {
  type AgentEvent,
  type AgentLimits,
  DEFAULT_LIMITS,
  type Presence,
  type TaskRefusal,
} from './roles/agent.messages.ts';
export type { AgentRoleMachine } from './roles/agent.ts';
export { centralMachine } from './roles/central.machine.ts';
export { domainMachine } from './roles/domain.machine.ts';
export { embodiedMachine } from './roles/embodied.machine.ts';
export { proxyMachine } from './roles/proxy.machine.ts';
