import { agentRole } from './agent.ts';

export const domainMachine = agentRole(
  'domain',
  "Does its domain's part: one skill a task, by a workflow of its own.",
);
