import { type Actor, createActor, type InspectionEvent } from 'xstate';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import {
  type Agreement,
  agree,
  negotiationMachine,
  type Offer,
} from '../../../machines/protocols/negotiation.machine.ts';
import { VERSION } from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from './rpc-error.ts';

/** The server's side of the negotiation of one connection (NetMCP 1). */
export interface Negotiation {
  /** `initialize` came, with the client's `extensions` entry, or none. Returns what is agreed from now on. */
  hear(offered: unknown): Agreement;
  /** A request came; one before `initialize` is counted. */
  request(): void;
  /** The connection ended. */
  abandon(): void;
}

export function startNegotiation(options: {
  env: Env;
  ours: Offer;
  /** Told when it is over, also without a word from the client. */
  onEnd(agreement: Agreement): void;
  inspect?: ((event: InspectionEvent) => void) | undefined;
}): Negotiation {
  const { env, ours, onEnd } = options;
  const begin = (input: { heard?: boolean; peer?: unknown }): Actor<typeof negotiationMachine> => {
    const actor = createActor(negotiationMachine, {
      input: { ours, ...input },
      clock: env.clock,
      ...(options.inspect && { inspect: options.inspect }),
    });
    actor.subscribe({
      next: ({ status, output }) => {
        if (status === 'done') onEnd(output);
      },
      error: (error) => env.log.error({ error: String(error) }, 'negotiation failed'),
    });
    return actor.start();
  };
  let actor = begin({});
  const waits = () => actor.getSnapshot().status === 'active';
  return {
    hear(offered) {
      // A client that begins late, or again, is heard all the same.
      if (waits()) actor.send({ type: 'PEER_SPOKE', peer: offered });
      else actor = begin({ heard: true, peer: offered });
      return actor.getSnapshot().output ?? agree(ours, undefined);
    },
    request() {
      if (waits()) actor.send({ type: 'EARLY' });
    },
    abandon() {
      if (waits()) actor.send({ type: 'ABANDON' });
    },
  };
}

/** The `extensions` entry of the answer: the chosen version; without a common one, ours and no choice. */
export function answerOf(ours: Offer, agreement: Agreement, offered: unknown): Record<string, unknown> {
  if (agreement.mode === 'netmcp')
    return { version: agreement.version, versions: ours.versions, features: ours.features };
  return offered === undefined
    ? { version: VERSION, versions: ours.versions, features: ours.features }
    : { versions: ours.versions, features: [], reason: agreement.reason };
}

const requestSchema = z.object({
  version: z.string().max(16).optional(),
  features: z.array(z.string().max(32)).max(32).optional(),
});

/**
 * What holds for one request: where its `_meta` names a version, that counts, also on a connection that
 * agreed on nothing (NetMCP 1 and 10). A version that we do not speak is refused: its terms, such as an
 * idempotency key, could mean something else. @throws RpcError -32602 with `{supported, requested}`
 */
export function agreementOf(ours: Offer, session: Agreement, meta: unknown): Agreement {
  const read = requestSchema.safeParse(meta);
  if (meta === undefined || !read.success || read.data.version === undefined) return session;
  const { version, features = session.features } = read.data;
  const agreement = agree(ours, { version, features });
  if (agreement.mode === 'netmcp') return agreement;
  throw new RpcError(INVALID_PARAMS, `NetMCP ${version} is not spoken here`, {
    supported: ours.versions ?? [],
    requested: version,
  });
}
