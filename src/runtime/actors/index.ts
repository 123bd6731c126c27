/**
 * The host of agents: an agent brings effects, the charts of its role do the rest.
 *
 * ```ts
 * const host = createAgentHost({env, id, machine: domainMachine, effects});
 * const member = await joinBus({..., executor: taskExecutor(host)});
 * await host.drain(); await member.close(); host.stop();
 * ```
 *
 * - `createAgentHost(options: AgentHostOptions): AgentHost`, synchronous.
 * - `taskExecutor(host: AgentHost): AgentExecutor` of `@a2a-js/sdk/server`.
 * - `delegate(options: DelegateOptions): Promise<DelegationOutput>`: one subtask, reassigned once.
 *
 * Effects: `{perform}` for a plain agent; `{name, skills, runSkill}` for a domain agent, whose tasks then
 * run the `instruction` chart; `intentEffects({understand, assure, report, release})` for the central agent,
 * whose tasks then run the `intent` chart. All may have `prepare`, which ends before the first task.
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
