import { z } from 'zod';

const UNITS = { s: 1, m: 60, h: 3600 } as const;

/** Seconds since the start of the world, also as `90s`, `10m`, `1h`. */
const seconds = z
  .union([
    z.number().min(0).max(31_536_000),
    z.string().regex(/^\d+(\.\d+)?[smh]$/, 'a time such as 90s, 10m or 1h is needed'),
  ])
  .transform((value) =>
    typeof value === 'number'
      ? value
      : Number(value.slice(0, -1)) * UNITS[value.slice(-1) as keyof typeof UNITS],
  )
  .describe('Seconds since the start of the world; also 90s, 10m, 1h');

const name = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'a name of lower-case letters, digits, dots and hyphens is needed');
const metre = z.number().min(-200_000).max(200_000);
const point = z.strictObject({ x: metre.describe('m east'), y: metre.describe('m north') });
const range = (low: number, high: number) =>
  z
    .tuple([z.number().min(low).max(high), z.number().min(low).max(high)])
    .refine(([a, b]) => a <= b, 'the first must not be above the second');
const supi = z.string().regex(/^imsi-\d{5,15}$/, 'a SUPI such as imsi-001010000000001 is needed');
const exactlyOne = (keys: readonly string[]) => (value: object) =>
  keys.filter((key) => (value as Record<string, unknown>)[key] !== undefined).length === 1;

/** Bands that the radio model carries: TDD for NR, FDD for E-UTRA; carrier in GHz. */
export const NR_BANDS = { n40: 2.35, n41: 2.6, n77: 3.7, n78: 3.5, n79: 4.7 } as const;
export const EUTRA_BANDS = { b1: 2.1, b3: 1.8, b5: 0.87, b7: 2.65, b8: 0.94, b20: 0.8, b28: 0.77 } as const;
/** PRBs by bandwidth: TS 38.101-1 table 5.3.2-1 at 30 kHz, TS 36.101 table 5.6-1. */
export const NR_PRBS = {
  10: 24,
  15: 38,
  20: 51,
  25: 65,
  30: 78,
  40: 106,
  50: 133,
  60: 162,
  70: 189,
  80: 217,
  90: 245,
  100: 273,
} as const;
export const EUTRA_PRBS = { 1.4: 6, 3: 15, 5: 25, 10: 50, 15: 75, 20: 100 } as const;

const widths = (table: object) => {
  const allowed = Object.keys(table)
    .map(Number)
    .sort((a, b) => a - b);
  return z.number().refine((value) => allowed.includes(value), `one of ${allowed.join(', ')} is needed`);
};
const carrier = (
  bands: readonly string[],
  prbs: object,
  defaults: { band: string; bandwidth: number; power: number; gain: number; tilt: number },
) =>
  z
    .strictObject({
      band: z
        .enum(bands as [string, ...string[]])
        .default(defaults.band)
        .describe('Operating band'),
      bandwidthMHz: widths(prbs).default(defaults.bandwidth).describe('Channel bandwidth, MHz'),
      powerDbm: z.number().min(0).max(60).default(defaults.power).describe('Power of a cell, dBm'),
      gainDbi: z.number().min(0).max(30).default(defaults.gain).describe('Largest antenna gain, dBi'),
      tiltDeg: z
        .number()
        .min(-30)
        .max(90)
        .default(defaults.tilt)
        .describe('Tilt of the antennas, degrees down'),
    })
    .prefault({});

const layer = z.enum(['NR', 'EUTRA']);
const site = z
  .strictObject({
    name: name.describe('Name of the site, or of the group that the generator makes: NAME-0, NAME-1, ...'),
    at: point.optional().describe('One site here'),
    hexagon: z
      .strictObject({
        sites: z.number().int().min(1).max(2000).describe('Number of sites'),
        isdM: z.number().min(10).max(20_000).describe('Inter-site distance, m'),
        at: point.default({ x: 0, y: 0 }).describe('Its middle'),
      })
      .optional()
      .describe('Sites on a hexagonal grid, ring by ring from the middle'),
    along: z
      .strictObject({
        route: name.describe('Route that they follow'),
        isdM: z.number().min(10).max(20_000).describe('Distance along the route, m'),
        offsetM: z
          .number()
          .min(0)
          .max(2000)
          .default(35)
          .describe('Distance from the route, on alternating sides, m'),
      })
      .optional()
      .describe('Sites along a route, each with a sector both ways'),
    indoor: z
      .strictObject({
        at: point.describe('Middle of the hall'),
        rows: z.number().int().min(1).max(50),
        columns: z.number().int().min(1).max(50),
        spacingM: z.number().min(1).max(200).describe('Distance of the access points, m'),
      })
      .optional()
      .describe('Access points under the ceiling'),
    environment: z
      .enum(['UMa', 'UMi', 'RMa', 'InH'])
      .optional()
      .describe('Channel of TR 38.901; default UMa, along a route RMa, indoor InH'),
    layers: z.array(layer).min(1).default(['NR', 'EUTRA']).describe('Which carriers stand here'),
    azimuthsDeg: z
      .array(z.number().min(0).max(360))
      .min(1)
      .max(6)
      .optional()
      .describe('Direction of each sector, clockwise from north; default 30, 150, 270'),
    tiltDeg: z.number().min(-30).max(90).optional().describe('In place of that of the carrier'),
    powerDbm: z.number().min(0).max(60).optional().describe('In place of that of the carrier'),
  })
  .refine(
    exactlyOne(['at', 'hexagon', 'along', 'indoor']),
    'exactly one of at, hexagon, along and indoor is needed',
  );

const flow = z.strictObject({
  fiveQi: z.number().int().min(1).max(255).describe('5QI, TS 23.501 table 5.7.4-1'),
  arp: z
    .strictObject({
      priorityLevel: z.number().int().min(1).max(15).default(8),
      preemptCap: z.enum(['NOT_PREEMPT', 'MAY_PREEMPT']).default('NOT_PREEMPT'),
      preemptVuln: z.enum(['NOT_PREEMPTABLE', 'PREEMPTABLE']).default('NOT_PREEMPTABLE'),
    })
    .prefault({})
    .describe('Allocation and retention priority'),
  gbrDlMbps: z.number().min(0).max(10_000).optional(),
  gbrUlMbps: z.number().min(0).max(10_000).optional(),
  mbrDlMbps: z.number().min(0).max(10_000).optional(),
  mbrUlMbps: z.number().min(0).max(10_000).optional(),
});

const group = z.strictObject({
  name: name.describe('Name of the group'),
  count: z.number().int().min(1).max(1_000_000).describe('UEs'),
  where: z
    .strictObject({
      circle: z.strictObject({ x: metre, y: metre, radiusM: z.number().positive().max(100_000) }).optional(),
      rectangle: z.strictObject({ x: range(-200_000, 200_000), y: range(-200_000, 200_000) }).optional(),
    })
    .refine((value) => !(value.circle && value.rectangle), 'circle and rectangle exclude each other')
    .default({})
    .describe('Where they are at the start; the whole area if absent'),
  mobility: z
    .strictObject({
      kind: z
        .enum(['static', 'waypoint', 'streets', 'route', 'convoy'])
        .describe(
          'waypoint: straight to a random point of where; streets: on the street grid of the area; route: there and back; convoy: one behind the other',
        ),
      speedKmh: range(0, 500).default([3, 5]).describe('Least and greatest speed'),
      route: name.optional().describe('For route and convoy'),
      spacingM: z.number().positive().max(1000).default(50).describe('Of a convoy, m'),
    })
    .default({ kind: 'static', speedKmh: [0, 0], spacingM: 50 })
    .describe('How they move'),
  indoors: z
    .strictObject({
      building: z.enum(['low', 'high']).describe('Loss of the wall, TR 38.901 table 7.4.3-2'),
      depthM: range(0, 100).default([0, 25]).describe('How far inside, m'),
    })
    .optional()
    .describe('They are in buildings'),
  vehicle: z.boolean().default(false).describe('They are in cars: loss of TR 38.901 7.4.3.2'),
  traffic: z
    .record(z.string(), z.number().positive())
    .default({ browsing: 1 })
    .describe('Habits of traffic by weight: those that ship or those under traffic'),
  flows: z.array(flow).max(4).default([]).describe('QoS flows that each of them asks for'),
});

const spell = { from: seconds, until: seconds.optional().describe('For good if absent') };
const cells = {
  site: name.describe('Site, or group of sites'),
  sector: z.number().int().min(0).max(5).optional().describe('All if absent'),
  rat: layer.optional().describe('Both if absent'),
};
const event = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('crowd').describe('A group that comes, and may go'),
    group: name,
    arrives: z.strictObject({ from: seconds, until: seconds }),
    leaves: z.strictObject({ from: seconds, until: seconds }).optional(),
  }),
  z.strictObject({ kind: z.literal('cell-down').describe('Cells out of service'), ...cells, ...spell }),
  z.strictObject({
    kind: z.literal('overload').describe('Demand of others on top, percent of the PRBs'),
    ...cells,
    ...spell,
    dlPercent: z.number().min(0).max(1000).default(50),
    ulPercent: z.number().min(0).max(1000).default(20),
  }),
  z.strictObject({
    kind: z.literal('misconfiguration').describe('Antenna or power set wrongly'),
    ...cells,
    ...spell,
    tiltDeg: z.number().min(-90).max(90).optional().describe('Added to the planned tilt'),
    powerDb: z.number().min(-60).max(30).optional().describe('Added to the planned power'),
  }),
  z.strictObject({
    kind: z.literal('weather').describe('Loss on every link'),
    ...spell,
    lossDb: z.number().min(0).max(60),
  }),
  z.strictObject({
    kind: z.literal('link-cut').describe('Transport to a data network access is cut'),
    ...spell,
    dnai: z.string(),
  }),
  z.strictObject({
    kind: z.literal('link-congested').describe('Transport to a data network access is slow'),
    ...spell,
    dnai: z.string(),
    addMs: z.number().min(0).max(10_000),
  }),
]);

const ue = z
  .strictObject({
    supi: supi.describe('SUPI of TS 23.003'),
    at: point.optional().describe('It stays here'),
    route: name.optional().describe('It waits at the start of this route for its trip'),
    trace: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Measured drive (CSV, columns of the UCC 5G data set) that is its radio; a path seen from this file',
      ),
    speedKmh: z.number().positive().max(500).default(50).describe('Speed of its trip along the route'),
    departs: seconds.optional().describe('It leaves then of its own accord'),
    lossDb: z.number().min(0).max(60).default(0).describe('Loss into its building or vehicle, dB'),
    traffic: z.string().optional().describe('Habit of traffic outside a booked service; none if absent'),
    flows: z.array(flow).max(4).default([]).describe('QoS flows that it has from the start'),
  })
  .refine(exactlyOne(['at', 'route', 'trace']), 'exactly one of at, route and trace is needed');

export const worldSchema = z
  .strictObject({
    name: name.describe('Name of the world'),
    title: z.string().max(200).default('').describe('What it is, in a line'),
    seed: z
      .number()
      .int()
      .min(0)
      .max(4_294_967_295)
      .default(1)
      .describe('All that is random follows from it'),
    start: z.iso.datetime({ offset: true }).describe('Network time at the start, ISO 8601'),
    place: z
      .strictObject({
        name: z.string().min(1).max(60).describe('Place, as a request names it'),
        lat: z.number().min(-80).max(80),
        lon: z.number().min(-180).max(180),
      })
      .describe('Where x = 0, y = 0 is on Earth'),
    area: z
      .strictObject({ x: range(-200_000, 200_000), y: range(-200_000, 200_000) })
      .optional()
      .describe('Bounds, m east and north; around the sites if absent'),
    streetM: z.number().min(10).max(5000).default(100).describe('Distance of parallel streets, m'),
    carriers: z
      .strictObject({
        nr: carrier(Object.keys(NR_BANDS), NR_PRBS, {
          band: 'n78',
          bandwidth: 100,
          power: 49,
          gain: 18,
          tilt: 6,
        }),
        eutra: carrier(Object.keys(EUTRA_BANDS), EUTRA_PRBS, {
          band: 'b3',
          bandwidth: 20,
          power: 46,
          gain: 17,
          tilt: 4,
        }),
      })
      .prefault({})
      .describe('One carrier of each RAT; E-UTRA is the standby network'),
    load: range(0, 1)
      .default([0, 0])
      .describe('Load of a cell by subscribers that are not simulated, share of the PRBs, least and most'),
    radio: z
      .strictObject({
        configuredGrantMs: z
          .number()
          .min(0.125)
          .max(640)
          .optional()
          .describe('Uplink without requests: period of the configured grant (TS 38.321 5.8.2), ms'),
        drx: z.boolean().default(true).describe('Whether UEs sleep between packets'),
        inactivityS: z.number().min(1).max(3600).default(10).describe('Connection kept without traffic, s'),
        neighbourSites: z
          .number()
          .int()
          .min(1)
          .max(32)
          .default(7)
          .describe('Nearest sites that a UE measures'),
      })
      .prefault({})
      .describe('What the operator set in the radio network'),
    routes: z
      .array(
        z.strictObject({
          name: name.describe('Name of the route'),
          points: z
            .array(z.tuple([metre, metre]))
            .min(2)
            .max(10_000)
            .describe('x and y of its points, m'),
        }),
      )
      .default([])
      .describe('Roads and tracks'),
    sites: z.array(site).min(1).describe('Sites, explicit or generated'),
    traffic: z
      .array(
        z.strictObject({
          name: name.describe('Name of the habit'),
          onS: z.number().positive().describe('Mean length of a session, s'),
          offS: z.number().min(0).describe('Mean silence, s; 0: always on'),
          dlMbps: z.number().min(0).max(10_000).describe('Offered while on'),
          ulMbps: z.number().min(0).max(10_000),
        }),
      )
      .max(100)
      .default([])
      .describe('Habits of traffic beside those that ship: browsing, video, call, download, upload, silent'),
    groups: z.array(group).default([]).describe('Population'),
    central: z
      .strictObject({
        dnai: z.string().min(1).optional().describe('central-PLACE if absent'),
        delayMs: z.number().min(0).max(1000).default(14),
      })
      .prefault({})
      .describe('The central data network: one-way delay from the UPF, ms'),
    edges: z
      .array(
        z.strictObject({
          dnai: z.string().min(1).describe('Data network access identifier'),
          delayMs: z.number().min(0).max(1000).describe('One-way delay from the UPF, ms'),
          default: z.boolean().default(false).describe('Traffic goes there unless routed elsewhere'),
        }),
      )
      .default([])
      .describe('Edge sites'),
    ues: z.array(ue).default([]).describe('Named UEs, which agents can assure'),
    events: z.array(event).default([]).describe('What happens, and when'),
  })
  .describe('A scenario world of netagent');

export type WorldDescription = z.output<typeof worldSchema>;
export type WorldEvent = WorldDescription['events'][number];
export type GroupDescription = WorldDescription['groups'][number];
export type FlowDescription = z.output<typeof flow>;

/** What the network calls a place: `Xi'an` is `xian`. */
export const slug = (name: string) =>
  name
    .normalize('NFD')
    .replace(/\p{M}|'/gu, '')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
