import { SCOPE_PUBLISH } from '../auth/directory.ts';
import {
  ERROR_FORBIDDEN,
  METHODS,
  type PublishedResult,
  toolNameSchema,
  toolRegisterParamsSchema,
  toolRemoveParamsSchema,
  toolUpdateParamsSchema,
} from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { Identity, ServerPart } from '../session/server-session.ts';
import type { SbiPort } from '../toolserver/call.ts';
import type { Book } from './book.ts';
import { readPublished } from './published.ts';
import { read } from './read.ts';

/** A token with this scope may publish tools. */
export const PUBLISH_SCOPE = SCOPE_PUBLISH;

/** `netmcp/tools/register|update|remove`: an NF publishes at the tool server itself (NetMCP 5). */
export function createPublishing(options: {
  book: Book;
  sbi: SbiPort;
  /** Agents whose tools are not held for want of trust in them. */
  publishers: ReadonlySet<string>;
  /** A name on the list counted that nobody had proved; told once. */
  onUnproved(agent: string): void;
}): ServerPart {
  const { book, sbi } = options;
  let told = false;
  const providerOf = (identity: Identity) => `agent:${identity.agent}`;

  async function publish(raw: unknown, summary: string, identity: Identity): Promise<PublishedResult> {
    const listed = options.publishers.has(identity.agent);
    const trusted = listed || identity.scopes.includes(PUBLISH_SCOPE);
    if (listed && !identity.authenticated && !told) {
      told = true;
      options.onUnproved(identity.agent);
    }
    const by = { provider: providerOf(identity), origin: 'direct' as const, summary, trusted, sbi };
    const offer = attempt(() => readPublished(raw, by));
    return book.publish(offer);
  }

  /** What one published, another one neither changes nor removes. */
  function own(name: string, identity: Identity): void {
    const offers = book.offers().filter((offer) => offer.name === name);
    if (offers.length === 0) throw new RpcError(INVALID_PARAMS, `Nobody published ${name.slice(0, 64)}`);
    if (!offers.some((offer) => offer.provider === providerOf(identity)))
      throw new RpcError(ERROR_FORBIDDEN, `${name.slice(0, 64)} was published by somebody else`);
  }

  return {
    features: ['lifecycle'],
    methods: new Map([
      [
        METHODS.toolRegister,
        async (_, params, { identity }) => {
          const { tool, summary } = read(toolRegisterParamsSchema, params);
          return { ...(await publish(tool, summary, identity)) };
        },
      ],
      [
        METHODS.toolUpdate,
        async (_, params, { identity }) => {
          const { tool, summary, name, replacedBy } = read(toolUpdateParamsSchema, params);
          if (tool !== undefined) {
            const { success, data } = toolNameSchema.safeParse((tool as { name?: unknown } | null)?.name);
            if (!success) throw new RpcError(INVALID_PARAMS, 'The tool has no valid name');
            own(data, identity);
            return { ...(await publish(tool, summary, identity)) };
          }
          if (name === undefined) throw new RpcError(INVALID_PARAMS, 'Neither a tool nor a name is given');
          own(name, identity);
          await book.deprecate(name, replacedBy);
          return { ...stateOf(book, name) };
        },
      ],
      [
        METHODS.toolRemove,
        async (_, params, { identity }) => {
          const { name, replacedBy } = read(toolRemoveParamsSchema, params);
          own(name, identity);
          await book.remove(name, providerOf(identity), replacedBy);
          return { ...stateOf(book, name) };
        },
      ],
    ]),
  };
}

function stateOf(book: Book, name: string): PublishedResult {
  const entry = book.entry(name);
  return {
    name,
    taken: false,
    state: entry?.state ?? 'forgotten',
    reason: entry?.reason ?? '',
    score: null,
    hash: '',
  };
}

/** A definition that cannot be read is the fault of who sent it. */
function attempt<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new RpcError(INVALID_PARAMS, `The tool is not valid: ${problem.slice(0, 600)}`);
  }
}
