import { createHash } from 'node:crypto';
import type { BusMember } from '../../broker/index.ts';
import { fail, NetAgentError } from '../errors.ts';

/** Who is asking over HTTP or gRPC. */
export interface GatewayUser {
  /** Unique and stable; empty for nobody in particular. */
  id: string;
  authenticated: boolean;
}

/** What a user is told from. */
export interface UserRequest {
  /** Names in lower case. */
  headers: Readonly<Record<string, string | string[] | undefined>>;
  address: string;
}

/** Tells who is asking. @throws GATEWAY_UNAUTHENTICATED */
export type UserBuilder = (request: UserRequest) => Promise<GatewayUser>;

export const ANYBODY: GatewayUser = { id: '', authenticated: false };

/**
 * Users by bearer token: `verify` checks the token whole (signature, issuer, audience, expiry) and says
 * whose it is, or throws.
 */
export function bearerUsers(
  verify: (token: string) => Promise<{ subject: string; issuer?: string }>,
): UserBuilder {
  return async ({ headers }) => {
    const header = headers.authorization;
    const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(typeof header === 'string' ? header : '')?.[1];
    if (token === undefined) throw fail('GATEWAY_UNAUTHENTICATED', { problem: 'there is no bearer token' });
    let owner: { subject: string; issuer?: string };
    try {
      owner = await verify(token);
    } catch (cause) {
      if (cause instanceof NetAgentError && cause.class === 'retryable') throw cause;
      throw fail('GATEWAY_UNAUTHENTICATED', { problem: 'the token is not accepted' }, { cause });
    }
    if (owner.subject === '') throw fail('GATEWAY_UNAUTHENTICATED', { problem: 'the token names nobody' });
    return { id: JSON.stringify([owner.issuer ?? '', owner.subject]), authenticated: true };
  };
}

export interface DoorsOptions {
  /** Asks for those who are nobody in particular. */
  own: BusMember;
  /** Joins the bus as that agent (last part of an id). Without it, all ask through `own`. */
  join?: ((agent: string) => Promise<BusMember>) | undefined;
  /** Most members at one time. */
  limit: number;
}

/** Ids of members of users; the join port decides what stands before the last part. */
const USER_MEMBER = /\/user-[0-9a-f]{32}$/;

interface Door {
  member: Promise<BusMember>;
  uses: number;
}

/**
 * The members that ask for users. The bus tells owners of tasks apart by the id that the broker vouches
 * for, so each user is a member of its own, with an id made from the user's. The one unused longest leaves
 * when there are too many; its user gets the same id again.
 */
export class Doors {
  readonly #options: DoorsOptions;
  /** By agent name, the one used last at the end. */
  readonly #doors = new Map<string, Door>();
  readonly #leaving = new Map<string, Promise<void>>();
  #closed = false;

  constructor(options: DoorsOptions) {
    this.#options = options;
  }

  /** The member of a user, held until `release`. @throws GATEWAY_TOO_MANY_USERS */
  async take(user: GatewayUser): Promise<{ member: BusMember; release: () => void }> {
    const { own, join } = this.#options;
    if (join === undefined || !user.authenticated) return { member: own, release: () => undefined };
    const name = `user-${createHash('sha256').update(user.id).digest('hex').slice(0, 32)}`;
    let door = this.#doors.get(name);
    if (door === undefined) {
      this.#makeRoom();
      const before = this.#leaving.get(name) ?? Promise.resolve();
      door = { member: before.then(() => join(name)), uses: 0 };
    }
    this.#doors.delete(name);
    this.#doors.set(name, door);
    const held = door;
    held.uses += 1;
    try {
      const member = await held.member;
      return {
        member,
        release: () => {
          held.uses -= 1;
        },
      };
    } catch (error) {
      held.uses -= 1;
      if (this.#doors.get(name) === held) this.#doors.delete(name);
      throw error;
    }
  }

  /** Whether that agent of the bus is the member of a user. */
  holds(id: string): boolean {
    return this.#options.join !== undefined && USER_MEMBER.test(id);
  }

  /** Closes the members of users; `own` is its owner's. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const name of [...this.#doors.keys()]) this.#leave(name);
    await Promise.all(this.#leaving.values());
  }

  #makeRoom(): void {
    const { limit } = this.#options;
    if (this.#closed) throw fail('GATEWAY_STARTING');
    if (this.#doors.size < limit) return;
    const idle = [...this.#doors].find(([, { uses }]) => uses === 0);
    if (idle === undefined) throw fail('GATEWAY_TOO_MANY_USERS', { limit });
    this.#leave(idle[0]);
  }

  #leave(name: string): void {
    const door = this.#doors.get(name);
    if (door === undefined) return;
    this.#doors.delete(name);
    const left = door.member
      .then((member) => member.close())
      .catch(() => undefined)
      .finally(() => this.#leaving.delete(name));
    this.#leaving.set(name, left);
  }
}
