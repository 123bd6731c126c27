import type { Request } from 'express';
import type { Caller } from './access.ts';
import { type FoundDevice, findDevice } from './devices.ts';
import {
  CamaraError,
  conflict,
  invalidArgument,
  keyNotConfigured,
  notFound,
  permissionDenied,
} from './failure.ts';
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
function profileFor({ catalogue }: Parts, name: string, phoneNumber: string | null): QosProfile {
  const found = catalogue.profiles.find((one) => one.name === name);
  if (found === undefined || !mayHave(found, phoneNumber)) {
    throw invalidArgument(`There is no QoS profile ${name}; qos-profiles names those there are.`);
  }
  return found;
}

/** @throws CamaraError where notices could not be sent as asked */
function checkSink(
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
function refuseSecond(parts: Parts, kind: QosRecord['kind'], supi: string): void {
  const there = parts.sessions
    .all()
    .some((one) => one.kind === kind && one.supi === supi && one.context.statusInfo !== 'DELETE_REQUESTED');
  if (there) throw conflict(`The device has a QoS ${kind} already; delete it first.`);
}

/** How long a request waits for the network, ms; after that the answer is REQUESTED. */
const ANSWER_WITHIN = 2_000;

/** The id in a path. @throws CamaraError INVALID_ARGUMENT */
export const idOf = (request: Request): string => valid(resourceId, request.params.id, 'The id in the path');

/** What a request for QoS says, of a session or an assignment. */
interface Asked {
  qosProfile: string;
  device?: Device | undefined;
  sink?: string | undefined;
  sinkCredential?: SinkCredential | undefined;
}

/**
 * Begins a session (with a duration in s) or an assignment (null), once everything about it is found to be right,
 * and waits a little for the network. @throws CamaraError, and nothing has begun then
 */
export async function begin(
  parts: Parts,
  caller: Caller,
  asked: Asked,
  about: {
    kind: QosRecord['kind'];
    duration: number | null;
    /** Kept only to be shown again. */
    shown: Record<string, unknown>;
    /** Code for a profile that is not active. */
    notApplicable: string;
    /** @throws CamaraError where the profile does not allow what is asked */
    fits?(profile: QosProfile): void;
  },
): Promise<QosRecord> {
  const { env, sessions } = parts;
  const { kind, duration, shown, notApplicable, fits } = about;
  const device = await deviceOf(parts, caller, asked.device);
  const profile = profileFor(parts, asked.qosProfile, device.phoneNumber);
  if (profile.status !== 'ACTIVE') {
    const message = `The QoS profile ${profile.name} is ${profile.status}; it makes no ${kind}.`;
    throw new CamaraError(422, notApplicable, message);
  }
  fits?.(profile);
  checkSink(parts, asked.sink, asked.sinkCredential);
  refuseSecond(parts, kind, device.supi);
  const made = sessions.create(
    {
      id: env.ids.uuid(),
      kind,
      client: caller.client,
      supi: device.supi,
      device: device.named,
      profile: profile.name,
      shown,
      sink: asked.sink ?? null,
      sinkCredential: asked.sinkCredential ?? null,
      createdAt: env.clock.now(),
    },
    duration,
  );
  await sessions.settled(made.id, ANSWER_WITHIN);
  return sessions.get(made.id) ?? made;
}
