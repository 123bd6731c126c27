import { agentRole } from './agent.ts';

export const proxyMachine = agentRole('proxy', 'Speaks for a user, to whom it brings questions and notices.');
