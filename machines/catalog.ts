import type { AnyStateMachine } from 'xstate';
import { anchorMachine } from './protocols/anchor.machine.ts';
import { assuranceMachine } from './protocols/assurance.machine.ts';
import { authorizationMachine } from './protocols/authorization.machine.ts';
import { changeMachine } from './protocols/change.machine.ts';
import { delegationMachine } from './protocols/delegation.machine.ts';
import { handoverMachine } from './protocols/handover.machine.ts';
import { instructionMachine } from './protocols/instruction.machine.ts';
import { intentMachine } from './protocols/intent.machine.ts';
import { leaseMachine } from './protocols/lease.machine.ts';
import { negotiationMachine } from './protocols/negotiation.machine.ts';
import { pooledTaskMachine } from './protocols/pooled-task.machine.ts';
import { presenceMachine } from './protocols/presence.machine.ts';
import { qosSessionMachine } from './protocols/qos-session.machine.ts';
import { registrationMachine } from './protocols/registration.machine.ts';
import { requestMachine } from './protocols/request.machine.ts';
import { routeMachine } from './protocols/route.machine.ts';
import { sessionMachine } from './protocols/session.machine.ts';
import { supervisionMachine } from './protocols/supervision.machine.ts';
import { taskMachine } from './protocols/task.machine.ts';
import { toolCallMachine } from './protocols/tool-call.machine.ts';
import { toolLifeMachine } from './protocols/tool-life.machine.ts';
import { trialMachine } from './protocols/trial.machine.ts';
import { centralMachine } from './roles/central.machine.ts';
import { domainMachine } from './roles/domain.machine.ts';
import { embodiedMachine } from './roles/embodied.machine.ts';
import { proxyMachine } from './roles/proxy.machine.ts';

export interface CatalogEntry {
  machine: AnyStateMachine;
  /** Counts up with every change that a stored snapshot would notice. */
  version: number;
}

const entry = (machine: AnyStateMachine, version = 1): [string, CatalogEntry] => [
  `${machine.id}@${version}`,
  { machine, version },
];

/** Every chart of the project by `id@version`. */
export const CATALOG: Readonly<Record<string, CatalogEntry>> = Object.fromEntries([
  entry(anchorMachine),
  entry(assuranceMachine),
  entry(authorizationMachine),
  entry(changeMachine),
  entry(delegationMachine),
  entry(handoverMachine),
  entry(instructionMachine),
  entry(intentMachine),
  entry(leaseMachine),
  entry(negotiationMachine),
  entry(pooledTaskMachine),
  entry(presenceMachine),
  entry(qosSessionMachine),
  entry(registrationMachine),
  entry(requestMachine),
  entry(routeMachine),
  entry(sessionMachine),
  entry(supervisionMachine),
  entry(taskMachine),
  entry(toolCallMachine),
  entry(toolLifeMachine),
  entry(trialMachine),
  entry(centralMachine),
  entry(domainMachine),
  entry(embodiedMachine),
  entry(proxyMachine),
]);
