import type { Request } from 'express';
import type { Caller } from './access.ts';
import { begin, deviceOf, idOf, ownOf, type Parts } from './common.ts';
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
    const asked = valid(createSession, body);
    const { applicationServer, devicePorts, applicationServerPorts, duration } = asked;
    const record = await begin(this.#parts, caller, asked, {
      kind: 'session',
      duration,
      shown: {
        applicationServer,
        ...(devicePorts && { devicePorts }),
        ...(applicationServerPorts && { applicationServerPorts }),
      },
      notApplicable: 'QUALITY_ON_DEMAND.QOS_PROFILE_NOT_APPLICABLE',
      fits(profile) {
        const { min, max } = durationLimits(profile);
        if (duration >= min && duration <= max) return;
        throw invalidArgument(
          `The request body, at duration: ${profile.name} takes ${min} to ${max} seconds.`,
        );
      },
    });
    return { status: 201, body: viewOf(record) };
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
