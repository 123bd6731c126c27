import { mayUse } from '../auth/permission.ts';
import type { LoadNotice, Registration, ServerEntry } from '../schema/index.ts';
import type { Identity } from '../session/server-session.ts';
import { serves } from './areas.ts';
import { createRanker, type Ranker } from './rank.ts';

export interface Query {
  task?: string | undefined;
  tool?: string | undefined;
  serviceArea?: string | undefined;
  categories?: string[] | undefined;
  limit: number;
}

/** How a server is at this moment. */
export type Standing = Pick<LoadNotice, 'load' | 'state' | 'weight' | 'alternates'> & {
  suspect: boolean;
  untrusted: boolean;
};

export interface Catalogue {
  /** The servers that fit, best first; `asker`: only tools that it may use, and no server without one. */
  find(query: Query, asker?: Identity): ServerEntry[];
  /** A registration came, changed or went. */
  changed(): void;
}

/** What one kind of asker is shown, with its index. */
interface View {
  shown: readonly Registration[];
  ranker: Ranker;
}

/** Kinds of askers whose indexes are kept. */
const MAX_VIEWS = 64;

/**
 * Discovery over the registrations (NetMCP 4). Each kind of asker has an index of the tools that it may use,
 * kept until a registration changes: what somebody may not use must not weigh in what he finds either.
 */
export function createCatalogue(
  registrations: () => Iterable<Registration>,
  standing: (serverId: string) => Standing,
  newRanker: () => Ranker = createRanker,
): Catalogue {
  const views = new Map<string, View>();
  let asked: ReturnType<typeof askedFor> | null = null;

  function viewOf(asker: Identity | undefined): View {
    asked ??= askedFor(registrations());
    const rights = asker === undefined ? 'all' : rightsOf(asker, asked);
    const known = views.get(rights);
    const view = known ?? { shown: shownTo(registrations(), asker), ranker: newRanker() };
    views.delete(rights);
    views.set(rights, view);
    const [oldest] = views.keys();
    if (views.size > MAX_VIEWS && oldest !== undefined) views.delete(oldest);
    return view;
  }

  return {
    changed() {
      views.clear();
      asked = null;
    },
    find(query, asker) {
      const { shown, ranker } = viewOf(asker);
      const areas = query.serviceArea === undefined ? undefined : [query.serviceArea];
      const scores = query.task === undefined ? null : ranker.score(shown, query.task);
      const top = scores === null ? 1 : Math.max(...scores.values(), Number.MIN_VALUE);
      return shown
        .filter((r) => query.tool === undefined || r.tools.some((tool) => tool.name === query.tool))
        .filter((r) => serves(r.serviceArea, areas))
        .filter((r) => query.categories?.some((c) => r.categories.some((o) => o === c)) ?? true)
        .map((r): ServerEntry => {
          const { load, state, weight, alternates, suspect, untrusted } = standing(r.serverId);
          const relevance = scores === null ? 1 : (scores.get(r.serverId) ?? 0) / top;
          return {
            serverId: r.serverId,
            endpoints: r.endpoints,
            summary: r.summary,
            serviceArea: r.serviceArea,
            categories: r.categories,
            digest: r.digest,
            tools: r.tools.map((tool) => tool.name),
            load,
            state,
            suspect,
            untrusted,
            weight,
            // Relevance first; load decides among those that fit about equally well.
            score: relevance === 0 ? 0 : Math.round((relevance + weight / 400) * 1000) / 1000,
            alternates,
          };
        })
        .filter((entry) => entry.score > 0)
        .sort((a, b) => b.score - a.score || a.serverId.localeCompare(b.serverId))
        .slice(0, query.limit);
    },
  };
}

/** The scopes and agents that some tool's permission names. */
function askedFor(registrations: Iterable<Registration>) {
  const scopes = new Set<string>();
  const agents = new Set<string>();
  for (const { tools } of registrations)
    for (const { permission } of tools) {
      if (permission.mode === 'token') for (const scope of permission.scopes) scopes.add(scope);
      if (permission.mode === 'specified') for (const agent of permission.agents) agents.add(agent);
    }
  return { scopes, agents };
}

/**
 * The rights of an asker, as far as a tool asks for them: all that `accessOf` looks at, so that askers with
 * the same rights are shown the same tools.
 */
function rightsOf(asker: Identity, asked: ReturnType<typeof askedFor>): string {
  if (!asker.authenticated) return 'nobody';
  const scopes = [...new Set(asker.scopes)].filter((scope) => asked.scopes.has(scope)).sort();
  const names = [...new Set([asker.agent, ...asker.actors])].sort();
  // One that is named nowhere spoils it for all that act together.
  return JSON.stringify([scopes, names.every((name) => asked.agents.has(name)) ? names : null]);
}

/** The registrations, each with the tools that the asker may use. */
function shownTo(registrations: Iterable<Registration>, asker: Identity | undefined): Registration[] {
  if (asker === undefined) return [...registrations];
  return [...registrations]
    .map((registration) => ({
      ...registration,
      tools: registration.tools.filter(({ permission }) => mayUse(permission, asker)),
    }))
    .filter(({ tools }) => tools.length > 0);
}
