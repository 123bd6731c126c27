export {
  type Arbiter,
  type ArbiterOptions,
  type Ask,
  createArbiter,
  type Decision,
  type Entry,
  type Obstacle,
} from './arbiter.ts';
export {
  judgeReach,
  LEVELS,
  type Reach,
  type ReachLimit,
  type ReachPorts,
  reachOf,
  type ToolCall,
  type ToolTraits,
} from './blast.ts';
export { claimsOf } from './claims.ts';
export { type Claim, conflictOf, OPPOSITIONS, type Opposition, overlap, type Window } from './conflicts.ts';
export type { Bounds, CallOutcome, CallWay, ChangePorts } from './effects.ts';
export {
  type ChangeRecord,
  type ChangeReport,
  createGuardedChanges,
  type GuardedChanges,
  type GuardedOptions,
  type RunChange,
} from './guarded.ts';
export { type Change, type ChangeRequest, changeSchema, parseChange } from './input.ts';
