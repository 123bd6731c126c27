import type { Request } from 'express';
import type { Caller } from './access.ts';
import { begin, deviceOf, idOf, ownOf, type Parts } from './common.ts';
import { notFound } from './failure.ts';
import { viewOf } from './record.ts';
import { byDevice, createAssignment, valid } from './schemas.ts';

/** The operations of CAMARA qos-provisioning: QoS of a device until it is revoked. */
export class Assignments {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  readonly create = async ({ body }: Request, caller: Caller) => {
    const record = await begin(this.#parts, caller, valid(createAssignment, body), {
      kind: 'assignment',
      duration: null,
      shown: {},
      notApplicable: 'QOS_PROVISIONING.QOS_PROFILE_NOT_APPLICABLE',
    });
    return { status: 201, body: viewOf(record) };
  };

  readonly read = async (request: Request, caller: Caller) => ({
    status: 200,
    body: viewOf(ownOf(this.#parts, 'assignment', idOf(request), caller)),
  });

  /** What was deleted stays readable for a while (the API wants it for those who poll). */
  readonly remove = async (request: Request, caller: Caller) => {
    const { id, state } = ownOf(this.#parts, 'assignment', idOf(request), caller);
    const { env, sessions } = this.#parts;
    if (state !== 'unavailable') sessions.send(id, { type: 'DELETE', at: env.clock.now() });
    else if (sessions.get(id)?.context.statusInfo !== 'DELETE_REQUESTED')
      sessions.send(id, { type: 'REMOVE' });
    return { status: 204 };
  };

  readonly byDevice = async ({ body }: Request, caller: Caller) => {
    const asked = valid(byDevice, body);
    const { supi } = await deviceOf(this.#parts, caller, asked.device);
    const found = this.#parts.sessions
      .all()
      .find(
        (one) =>
          one.kind === 'assignment' && one.supi === supi && one.context.statusInfo !== 'DELETE_REQUESTED',
      );
    if (found === undefined) throw notFound('The device has no QoS assignment.');
    return { status: 200, body: viewOf(ownOf(this.#parts, 'assignment', found.id, caller)) };
  };
}
