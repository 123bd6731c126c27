import type { Env } from '../../../machines/ports.ts';
import type { RestartPolicy } from '../../../machines/protocols/supervision.machine.ts';
import { fail } from '../../errors.ts';
import type { Book } from '../life/book.ts';
import type { Offer } from '../life/offer.ts';
import type { Permission, Taint } from '../schema/index.ts';
import { createHttpPool } from '../session/keep-alive.ts';
import type { Tool } from '../session/server-session.ts';
import { readAdopted } from './adopted-tool.ts';
import type { AdoptedState, Adoption } from './adoption.ts';
import { BACKEND_RESTARTS, type Backend, openBackend } from './backend.ts';

export interface Adoptions {
  /** Resolves when its tools were first read, or it is known not to answer. @throws NETMCP_ADOPTION_INVALID */
  adopt(adoption: Adoption): Promise<AdoptedState>;
  list(): AdoptedState[];
  /** Who may call approved tools of it. */
  permissionOf(id: string): Permission | undefined;
  /** Reads the tools of all of them anew. */
  refresh(): Promise<void>;
  /** One that was given up is tried again. */
  restart(id: string): void;
  release(id: string): Promise<void>;
  close(): Promise<void>;
}

interface Adopted {
  adoption: Adoption;
  backend: Backend;
  /** Our names, with the hash that was last published. */
  tools: Map<string, string>;
  refused: AdoptedState['refused'];
}

const MAX_SERVERS = 64;
/** Tools of one server; what it has beyond is not looked at. */
const MAX_TOOLS = 256;

/** Plain MCP servers that appear through this tool server, with its governance around them (NetMCP 5). */
export function createAdoptions(options: {
  env: Env;
  book: Book;
  restarts?: RestartPolicy;
  onTaint(tool: string, taint: Taint[]): void;
}): Adoptions {
  const { env, book } = options;
  const all = new Map<string, Adopted>();
  const pool = createHttpPool(8);

  /** Compares what a server lists now with what it listed before. */
  async function take(adopted: Adopted, tools: Tool[]): Promise<void> {
    const { adoption, backend } = adopted;
    const provider = `mcp:${adoption.id}`;
    const refused: AdoptedState['refused'] = [];
    const offers = new Map<string, Offer>();
    for (const tool of tools.slice(0, MAX_TOOLS)) {
      try {
        const offer = readAdopted(tool, adoption, backend, options.onTaint);
        if (offers.has(offer.name)) throw new Error('another tool of it has this name');
        offers.set(offer.name, offer);
      } catch (error) {
        refused.push({ name: tool.name.slice(0, 128), problem: problemOf(error) });
      }
    }
    adopted.refused = refused;
    for (const name of [...adopted.tools.keys()]) {
      if (offers.has(name)) continue;
      adopted.tools.delete(name);
      await book.remove(name, provider, '');
    }
    for (const offer of offers.values()) {
      if (adopted.tools.get(offer.name) === offer.hash) continue;
      adopted.tools.set(offer.name, offer.hash);
      await book.publish(offer);
    }
  }

  const stateOf = ({ adoption, backend, tools, refused }: Adopted): AdoptedState => ({
    id: adoption.id,
    state: backend.state(),
    reason: backend.reason(),
    tools: [...tools.keys()],
    refused,
  });

  async function release(id: string): Promise<void> {
    const adopted = all.get(id);
    if (adopted === undefined) return;
    all.delete(id);
    await adopted.backend.close();
    book.lost(`mcp:${id}`, 'it was released');
  }

  return {
    async adopt(adoption) {
      const { id, target } = adoption;
      const invalid = (problem: string) => fail('NETMCP_ADOPTION_INVALID', { server: id, problem });
      if (!/^[a-z][a-z0-9-]{0,23}$/.test(id))
        throw invalid('its id is not a letter and up to 23 letters, digits or -');
      if (all.has(id)) throw invalid('its id is taken');
      if (all.size >= MAX_SERVERS) throw invalid(`there are ${MAX_SERVERS} already`);
      if ('url' in target && !URL.canParse(target.url)) throw invalid('its URL cannot be read');
      const settled = Promise.withResolvers<void>();
      const adopted: Adopted = {
        adoption,
        tools: new Map(),
        refused: [],
        backend: openBackend({
          env,
          adoption,
          pool,
          restarts: options.restarts ?? BACKEND_RESTARTS,
          async onTools(tools) {
            await take(adopted, tools);
            settled.resolve();
          },
          onDown(reason) {
            adopted.tools.clear();
            book.lost(`mcp:${id}`, reason);
            settled.resolve();
          },
        }),
      };
      all.set(id, adopted);
      await settled.promise;
      env.log.info({ ...stateOf(adopted) }, 'MCP server adopted');
      return stateOf(adopted);
    },
    list: () => [...all.values()].map(stateOf),
    permissionOf: (id) => all.get(id)?.adoption.permission,
    async refresh() {
      await Promise.all(
        [...all.values()]
          .filter(({ backend }) => backend.state() === 'ready')
          .map(({ backend }) => backend.refresh()),
      );
    },
    restart: (id) => all.get(id)?.backend.restart(),
    release,
    async close() {
      await Promise.all([...all.keys()].map(release));
      await pool.close();
    },
  };
}

function problemOf(error: unknown): string {
  const details = (error as { details?: { problem?: unknown } } | null)?.details;
  if (typeof details?.problem === 'string') return details.problem;
  return error instanceof Error ? error.message : String(error);
}
