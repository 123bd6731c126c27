import type { Request } from 'express';
import type { Caller } from './access.ts';
import { deviceOf, type Parts } from './common.ts';
import { CamaraError, notFound } from './failure.ts';
import { mayHave, publicProfile } from './profiles.ts';
import { profileQuery, qosProfileName, valid } from './schemas.ts';

/** The operations of CAMARA qos-profiles. */
export class ProfileService {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  readonly list = async ({ body }: Request, caller: Caller) => {
    const asked = valid(profileQuery, body);
    const phoneNumber = await this.#deviceOf(asked.device, caller);
    const found = this.#parts.catalogue.profiles.filter(
      (one) =>
        phoneNumber !== 'excluded' &&
        mayHave(one, phoneNumber) &&
        (asked.name === undefined || one.name === asked.name) &&
        (asked.status === undefined || one.status === asked.status),
    );
    return { status: 200, body: found.map(publicProfile) };
  };

  readonly read = async ({ params }: Request, caller: Caller) => {
    const name = valid(qosProfileName, params.name, 'The name in the path');
    const found = this.#parts.catalogue.profiles.find((one) => one.name === name);
    if (found === undefined || !mayHave(found, caller.phoneNumber)) {
      throw notFound(`There is no QoS profile ${name}.`);
    }
    return { status: 200, body: publicProfile(found) };
  };

  /** A device is optional here, and one without the service has no profiles rather than an error. */
  async #deviceOf(
    device: Parameters<typeof deviceOf>[2],
    caller: Caller,
  ): Promise<string | null | 'excluded'> {
    if (device === undefined && caller.phoneNumber === null) return null;
    try {
      return (await deviceOf(this.#parts, caller, device)).phoneNumber;
    } catch (error) {
      if (error instanceof CamaraError && error.code === 'SERVICE_NOT_APPLICABLE') return 'excluded';
      throw error;
    }
  }
}
