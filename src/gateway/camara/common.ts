import type { Request } from 'express';
import type { Caller } from './access.ts';
import { type FoundDevice, findDevice } from './devices.ts';
import { conflict, invalidArgument, keyNotConfigured, notFound, permissionDenied } from './failure.ts';
import { mayHave, type QosProfile } from './profiles.ts';
import type { QosRecord } from './record.ts';
import type { CamaraOptions } from './router.ts';
import { type Device, resourceId, type SinkCredential, valid } from './schemas.ts';

/** What sessions and assignments have in common. */
export type Parts = Pick<CamaraOptions, 'env' | 'catalogue' | 'directory' | 'sessions' | 'checkSink'>;

export const deviceOf = (
  { catalogue, directory }: Parts,
  caller: Caller,
  named: Device | undefined,
): Promise<FoundDevice> =>
  findDevice({ named, phoneNumber: caller.phoneNumber, directory, excluded: catalogue.excluded });

/** @throws CamaraError INVALID_ARGUMENT for a profile that does not exist, or is not this device's */
export function profileFor({ catalogue }: Parts, name: string, phoneNumber: string | null): QosProfile {
  const found = catalogue.profiles.find((one) => one.name === name);
  if (found === undefined || !mayHave(found, phoneNumber)) {
    throw invalidArgument(`There is no QoS profile ${name}; qos-profiles names those there are.`);
  }
  return found;
}

/** @throws CamaraError where notices could not be sent as asked */
export function checkSink(
  { checkSink: check }: Parts,
  sink: string | undefined,
  credential: SinkCredential | undefined,
): void {
  if (credential?.credentialType === 'PRIVATE_KEY_JWT') {
    throw keyNotConfigured('No PRIVATE_KEY_JWT is configured for this sink; use an ACCESSTOKEN.');
  }
  if (sink === undefined) return;
  try {
    check(sink);
  } catch {
    throw invalidArgument('The request body, at sink: notices go to public https addresses only.');
  }
}

/** What a client made, and nobody else sees. @throws CamaraError NOT_FOUND, PERMISSION_DENIED */
export function ownOf(parts: Parts, kind: QosRecord['kind'], id: string, caller: Caller): QosRecord {
  const record = parts.sessions.get(id);
  const deleted = kind === 'session' && record?.context.statusInfo === 'DELETE_REQUESTED';
  if (record?.kind !== kind || deleted) throw notFound(`There is no ${kind} ${id}.`);
  if (record.client !== caller.client) throw permissionDenied(`The ${kind} belongs to another client.`);
  return record;
}

/** @throws CamaraError CONFLICT while the device has one that was not deleted */
export function refuseSecond(parts: Parts, kind: QosRecord['kind'], supi: string): void {
  const there = parts.sessions
    .all()
    .some((one) => one.kind === kind && one.supi === supi && one.context.statusInfo !== 'DELETE_REQUESTED');
  if (there) throw conflict(`The device has a QoS ${kind} already; delete it first.`);
}

/** How long a request waits for the network, ms; after that the answer is REQUESTED. */
export const ANSWER_WITHIN = 2_000;

/** The id in a path. @throws CamaraError INVALID_ARGUMENT */
export const idOf = (request: Request): string => valid(resourceId, request.params.id, 'The id in the path');
