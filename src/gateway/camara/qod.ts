import type { Request } from 'express';
import type { Caller } from './access.ts';
import {
  ANSWER_WITHIN,
  checkSink,
  deviceOf,
  idOf,
  ownOf,
  type Parts,
  profileFor,
  refuseSecond,
} from './common.ts';
import { CamaraError, invalidArgument } from './failure.ts';
import { durationLimits } from './profiles.ts';
import { statusOf, viewOf } from './record.ts';
import { byDevice, createSession, extendSession, valid } from './schemas.ts';

const MAX_SHOWN = 100;

/** The operations of CAMARA quality-on-demand. */
export class QodService {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  readonly create = async ({ body }: Request, caller: Caller) => {
    const { env, sessions } = this.#parts;
    const asked = valid(createSession, body);
    const device = await deviceOf(this.#parts, caller, asked.device);
    const profile = profileFor(this.#parts, asked.qosProfile, device.phoneNumber);
    if (profile.status !== 'ACTIVE') {
      throw new CamaraError(
        422,
        'QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE',
        `The QoS profile ${profile.name} is ${profile.status} and makes no sessions.`,
      );
    }
    const { min, max } = durationLimits(profile);
    if (asked.duration < min || asked.duration > max) {
      throw invalidArgument(`The request body, at duration: ${profile.name} takes ${min} to ${max} seconds.`);
    }
    checkSink(this.#parts, asked.sink, asked.sinkCredential);
    refuseSecond(this.#parts, 'session', device.supi);
    const { applicationServer, devicePorts, applicationServerPorts } = asked;
    const { id } = sessions.create(
      {
        id: env.ids.uuid(),
        kind: 'session',
        client: caller.client,
        supi: device.supi,
        device: device.named,
        profile: profile.name,
        shown: {
          applicationServer,
          ...(devicePorts && { devicePorts }),
          ...(applicationServerPorts && { applicationServerPorts }),
        },
        sink: asked.sink ?? null,
        sinkCredential: asked.sinkCredential ?? null,
        createdAt: env.clock.now(),
      },
      asked.duration,
    );
    await sessions.settled(id, ANSWER_WITHIN);
    return { status: 201, body: viewOf(ownOf(this.#parts, 'session', id, caller)) };
  };

  readonly read = async (request: Request, caller: Caller) => ({
    status: 200,
    body: viewOf(ownOf(this.#parts, 'session', idOf(request), caller)),
  });

  readonly remove = async (request: Request, caller: Caller) => {
    const { id, state } = ownOf(this.#parts, 'session', idOf(request), caller);
    const { env, sessions } = this.#parts;
    if (state === 'unavailable') sessions.send(id, { type: 'REMOVE' });
    else sessions.send(id, { type: 'DELETE', at: env.clock.now() });
    return { status: 204 };
  };

  readonly extend = async (request: Request, caller: Caller) => {
    const { requestedAdditionalDuration } = valid(extendSession, request.body);
    const record = ownOf(this.#parts, 'session', idOf(request), caller);
    if (statusOf(record) !== 'AVAILABLE') {
      throw new CamaraError(
        409,
        'QUALITY_ON_DEMAND.SESSION_EXTENSION_NOT_ALLOWED',
        'Only a session that is AVAILABLE can be extended.',
      );
    }
    const profile = this.#parts.catalogue.profiles.find(({ name }) => name === record.profile);
    const max = profile === undefined ? (record.context.duration ?? 0) : durationLimits(profile).max;
    // More than the profile allows is cut to what it allows.
    const duration = Math.min(max, (record.context.duration ?? 0) + requestedAdditionalDuration);
    const extended = this.#parts.sessions.send(record.id, { type: 'EXTEND', duration });
    return { status: 200, body: viewOf(extended ?? record) };
  };

  readonly byDevice = async ({ body }: Request, caller: Caller) => {
    const asked = valid(byDevice, body);
    const { supi } = await deviceOf(this.#parts, caller, asked.device);
    const found = this.#parts.sessions
      .all()
      .filter(
        (one) =>
          one.kind === 'session' &&
          one.supi === supi &&
          one.client === caller.client &&
          one.context.statusInfo !== 'DELETE_REQUESTED',
      );
    return { status: 200, body: found.slice(0, MAX_SHOWN).map(viewOf) };
  };
}
