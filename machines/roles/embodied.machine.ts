import { agentRole } from './agent.ts';

export const embodiedMachine = agentRole(
  'embodied',
  'An agent with a body: it consumes services of the network and offers what its body can do.',
);
