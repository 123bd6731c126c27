import { readWorld, runWorld, shippedWorlds, type WorldSample } from '../network/index.ts';

export type { WorldSample };

export interface WorldSummary {
  name: string;
  title: string;
  place: string;
  sites: number;
  groups: number;
  ues: number;
  events: number;
}

/** The worlds that ship. */
export function worldSummaries(): WorldSummary[] {
  return shippedWorlds().map((name) => {
    const { title, place, sites, groups, ues, events } = readWorld(name).description;
    return {
      name,
      title,
      place: place.name,
      sites: sites.length,
      groups: groups.length,
      ues: groups.reduce((sum, group) => sum + group.count, ues.length),
      events: events.length,
    };
  });
}

export interface WorldRun {
  /** Name or YAML file. */
  source: string;
  seed?: number;
  seconds: number;
  /** Seconds between two samples. */
  every: number;
}

/** Runs a world as fast as it goes. @throws WORLD_UNKNOWN, WORLD_UNREADABLE, WORLD_INVALID, TRACE_* */
export function samplesOf({ source, seed, seconds, every }: WorldRun): Generator<WorldSample> {
  return runWorld(readWorld(source, seed), seconds, every);
}
