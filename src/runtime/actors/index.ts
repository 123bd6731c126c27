/**
 * The host of agents.
 *
 * ```ts
 * const host = createAgentHost({env, id, machine: domainMachine, effects: {perform}});
 * const member = await joinBus({..., executor: taskExecutor(host)});
 * ...
 * await host.drain(); await member.close(); host.stop();
 *
 * createAgentHost(options: AgentHostOptions): AgentHost
 * taskExecutor(host: AgentHost): AgentExecutor        // of @a2a-js/sdk/server
 * delegate(options: DelegateOptions): Promise<DelegationOutput>   // one subtask, reassigned once
 * ```
 *
 * The effects say what the agent does: `{perform}` for a plain agent; `{name, skills, runSkill}` for a
 * domain agent (`instruction` chart); `intentEffects({understand, assure, report, release})` for the central
 * agent (`intent` chart). All may have `prepare`.
 */
export { type DelegateOptions, delegate } from './delegate.ts';
export { effectLogic, type TaskControl } from './effect.ts';
export {
  type AgentEffects,
  type CommonEffects,
  type IntentEffects,
  intentEffects,
  type Perform,
  type PlainEffects,
  type SkillEffects,
} from './effects.ts';
export { taskExecutor } from './executor.ts';
export { type AgentHost, type AgentHostOptions, createAgentHost, type TaskSink } from './host.ts';
export type { InspectionRecord } from './inspection.ts';
