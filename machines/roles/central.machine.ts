import { agentRole } from './agent.ts';

export const centralMachine = agentRole(
  'central',
  'Understands what a user needs, plans it and lets the domains do it.',
);
