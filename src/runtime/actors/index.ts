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
 * ```
 */
export { effectLogic, type TaskControl } from './effect.ts';
export type { AgentEffects, CommonEffects, Perform, PlainEffects } from './effects.ts';
export { taskExecutor } from './executor.ts';
export { type AgentHost, type AgentHostOptions, createAgentHost, type TaskSink } from './host.ts';
export type { InspectionRecord } from './inspection.ts';
