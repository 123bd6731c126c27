import { z } from 'zod';
import type { Env } from '../../machines/ports.ts';
import type { Store } from '../durable/index.ts';
import { fail } from '../errors.ts';

const name = z.string().min(1).max(200);

/** What a review found. Ids are made by the review from region, kind and place, so the same spot meets itself. */
export const experienceSchema = z.strictObject({
  id: name,
  region: name,
  place: z.strictObject({
    lat: z.number().min(-90).max(90),
    lon: z.number().min(-180).max(180),
    radiusM: z.number().positive().max(50_000),
  }),
  kind: z.enum(['weak-coverage', 'congestion', 'outage']),
  cellIds: z.array(z.string().regex(/^[0-9A-Fa-f]{7,9}$/)).max(64),
  /** Minutes of the day, UTC. */
  timeOfDay: z.strictObject({ start: z.number().min(0).max(1440), end: z.number().min(0).max(1440) }),
  severity: z.number().min(0).max(1),
  measure: name,
  helped: z.boolean(),
});
export type Experience = z.infer<typeof experienceSchema>;

/** An experience with how often it was made. */
export interface Remembered {
  experience: Experience;
  seen: number;
  /** ISO 8601, wall time. */
  lastSeen: string;
}

export interface Knowledge {
  /** Experiences of a region, in the order of their ids. */
  experienceFor(query: { region: string }): Experience[];
  /**
   * Keeps an experience; one of the same place and kind that is known already is strengthened.
   * @throws KNOWLEDGE_REFUSED for anything that is not an experience.
   */
  learn(experience: unknown): Remembered;
  list(): Remembered[];
}

/** More places than this in one region are noise: the region then refuses new ones. */
const MAX_PER_REGION = 1_000;

/** The knowledge base: verified experience, kept in the store. */
export function openKnowledge(store: Store, { env }: { env: Pick<Env, 'clock'> }): Knowledge {
  const kept = store.collection<Remembered>('experience');
  const ofRegion = (region: string) => kept.list().filter(({ value }) => value.experience.region === region);
  return {
    experienceFor: ({ region }) => ofRegion(region).map(({ value }) => value.experience),
    learn(input) {
      const read = experienceSchema.safeParse(input);
      if (!read.success) {
        const issue = read.error.issues[0];
        throw fail('KNOWLEDGE_REFUSED', { problem: `${issue?.path.join('.')}: ${issue?.message}` });
      }
      return store.transaction(() => {
        const experience = read.data;
        const known = ofRegion(experience.region);
        const same = known.find(({ value }) => samePlace(value.experience, experience));
        if (same === undefined && known.length >= MAX_PER_REGION) {
          throw fail('KNOWLEDGE_REFUSED', {
            problem: `region ${experience.region} has ${MAX_PER_REGION} places`,
          });
        }
        const remembered: Remembered = {
          experience: same === undefined ? experience : merged(same.value.experience, experience),
          seen: (same?.value.seen ?? 0) + 1,
          lastSeen: new Date(env.clock.now()).toISOString(),
        };
        kept.put(remembered.experience.id, remembered);
        return remembered;
      });
    },
    list: () => kept.list().map(({ value }) => value),
  };
}

function samePlace(a: Experience, b: Experience): boolean {
  if (a.id === b.id) return true;
  if (a.kind !== b.kind) return false;
  const degree = 111_320;
  const north = (a.place.lat - b.place.lat) * degree;
  const east = (a.place.lon - b.place.lon) * degree * Math.cos((a.place.lat * Math.PI) / 180);
  return Math.hypot(north, east) <= Math.min(a.place.radiusM, b.place.radiusM);
}

function merged(old: Experience, fresh: Experience): Experience {
  return {
    ...old,
    cellIds: [...new Set([...old.cellIds, ...fresh.cellIds])].slice(0, 64),
    severity: Math.max(old.severity, fresh.severity),
    measure: fresh.measure,
    helped: fresh.helped,
  };
}
