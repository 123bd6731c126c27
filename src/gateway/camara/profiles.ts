import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../errors.ts';
import { profileStatus, qosProfileName } from './schemas.ts';

const rate = z.strictObject({
  value: z.number().int().min(0).max(1024),
  unit: z.enum(['bps', 'kbps', 'Mbps', 'Gbps', 'Tbps']),
});
const duration = z.strictObject({
  value: z.number().int().min(1).max(2_147_483_647),
  unit: z.enum(['Days', 'Hours', 'Minutes', 'Seconds', 'Milliseconds', 'Microseconds', 'Nanoseconds']),
});

/** QosProfile of CAMARA qos-profiles; what is not public of it stands under `offer`. */
const profile = z.strictObject({
  name: qosProfileName,
  description: z.string().max(1024).optional(),
  status: profileStatus,
  targetMinUpstreamRate: rate.optional(),
  maxUpstreamRate: rate.optional(),
  targetMinDownstreamRate: rate.optional(),
  maxDownstreamRate: rate.optional(),
  minDuration: duration.optional(),
  maxDuration: duration.optional(),
  priority: z.number().int().min(1).max(100).optional(),
  packetDelayBudget: duration.optional(),
  jitter: duration.optional(),
  packetErrorLossRate: z.number().int().min(1).max(10).optional(),
  offer: z
    .strictObject({
      media: z.enum(['AUDIO', 'VIDEO', 'DATA', 'APPLICATION', 'CONTROL', 'OTHER']).default('DATA'),
      /** ARP priority level, 1 is highest. */
      priorityLevel: z.number().int().min(1).max(15).optional(),
      /** Devices alone that may have it; everybody's if absent. */
      phoneNumbers: z.array(z.string()).optional(),
    })
    .default({ media: 'DATA' }),
});

const catalogue = z.strictObject({
  profiles: z.array(profile).min(1),
  /** Phone numbers for which the service is not offered. */
  excluded: z.array(z.string()).default([]),
});

export type QosProfile = z.output<typeof profile>;
export type Catalogue = z.output<typeof catalogue>;

const mbps = (value: number) => ({ value, unit: 'Mbps' }) as const;
const ms = (value: number) => ({ value, unit: 'Milliseconds' }) as const;
const DAY = { value: 1, unit: 'Days' } as const;
const SECOND = { value: 1, unit: 'Seconds' } as const;

/** The four customary profiles: stable latency (E), then small, medium and large rates. */
export const DEFAULT_CATALOGUE: Catalogue = catalogue.parse({
  profiles: [
    {
      name: 'QOS_E',
      description: 'Stable latency for small volumes: voice, control and gaming.',
      status: 'ACTIVE',
      targetMinUpstreamRate: mbps(1),
      targetMinDownstreamRate: mbps(1),
      packetDelayBudget: ms(50),
      minDuration: SECOND,
      maxDuration: DAY,
      offer: { media: 'AUDIO' },
    },
    {
      name: 'QOS_S',
      description: 'A small guaranteed rate: a video call.',
      status: 'ACTIVE',
      targetMinUpstreamRate: mbps(2),
      targetMinDownstreamRate: mbps(2),
      packetDelayBudget: ms(150),
      minDuration: SECOND,
      maxDuration: DAY,
      offer: { media: 'VIDEO' },
    },
    {
      name: 'QOS_M',
      description: 'A medium guaranteed rate: high definition video both ways.',
      status: 'ACTIVE',
      targetMinUpstreamRate: mbps(5),
      targetMinDownstreamRate: mbps(8),
      packetDelayBudget: ms(150),
      minDuration: SECOND,
      maxDuration: DAY,
      offer: { media: 'VIDEO' },
    },
    {
      name: 'QOS_L',
      description: 'A large guaranteed rate: live production and very high definition video.',
      status: 'ACTIVE',
      targetMinUpstreamRate: mbps(20),
      targetMinDownstreamRate: mbps(20),
      packetDelayBudget: ms(300),
      minDuration: SECOND,
      maxDuration: { value: 4, unit: 'Hours' },
      offer: { media: 'VIDEO' },
    },
  ],
});

/** The operator's own catalogue, YAML. @throws GATEWAY_CAMARA_INVALID */
export function readCatalogue(file: string): Catalogue {
  const invalid = (problem: string) => fail('GATEWAY_CAMARA_INVALID', { file, problem });
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw invalid(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
  }
  const read = catalogue.safeParse(content);
  if (!read.success) throw invalid(z.prettifyError(read.error).split('\n').slice(0, 2).join(' '));
  const names = read.data.profiles.map(({ name }) => name);
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw invalid(`the profile ${twice} stands there twice`);
  return read.data;
}

const IN_MBPS = { bps: 1e-6, kbps: 1e-3, Mbps: 1, Gbps: 1e3, Tbps: 1e6 } as const;
const IN_MS = {
  Days: 86_400_000,
  Hours: 3_600_000,
  Minutes: 60_000,
  Seconds: 1_000,
  Milliseconds: 1,
  Microseconds: 1e-3,
  Nanoseconds: 1e-6,
} as const;

export const toMbps = (one: z.output<typeof rate> | undefined) => (one ? one.value * IN_MBPS[one.unit] : 0);
export const toMs = (one: z.output<typeof duration>) => one.value * IN_MS[one.unit];

/** Seconds that a session of the profile may take. */
export function durationLimits({ minDuration, maxDuration }: QosProfile): { min: number; max: number } {
  return {
    min: minDuration === undefined ? 1 : Math.ceil(toMs(minDuration) / 1000),
    max: maxDuration === undefined ? 2_147_483_647 : Math.floor(toMs(maxDuration) / 1000),
  };
}

/** The profile as the API shows it. */
export const publicProfile = ({ offer: _, ...shown }: QosProfile) => shown;

/** Whether a device may have the profile; `null` where no device is named. */
export const mayHave = ({ offer }: QosProfile, phoneNumber: string | null) =>
  offer.phoneNumbers === undefined || (phoneNumber !== null && offer.phoneNumbers.includes(phoneNumber));
