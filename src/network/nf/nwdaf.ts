import { z } from 'zod';
import { invalid, problem } from '../../sbi/index.ts';
import type { Cell, LoadForecast, Simulation } from '../model.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { instanceIdOf } from './instance-id.ts';
import { type Area, area, cellsOf } from './network-area.ts';
import { dateTime, json, toBitRate } from './schemas.ts';

const MAX_CELLS = 500;
const analytics = z.object({
  'event-id': z.enum(['QOS_SUSTAINABILITY', 'USER_DATA_CONGESTION', 'NF_LOAD']),
  'event-filter': json(z.object({ networkArea: area.optional() })).optional(),
  'ana-req': json(z.object({ startTs: dateTime.optional(), endTs: dateTime.optional() })).optional(),
});
const instances = z.object({
  _links: z.object({ item: z.array(z.object({ href: z.string() })) }),
});
const instance = z.object({ nfInstanceId: z.string(), nfType: z.string(), load: z.number().optional() });

interface Expected {
  cell: Cell;
  /** The cell as an area, in the form in which it was asked for. */
  area: object;
  load: LoadForecast;
}

/** NWDAF: analytics of the load that is expected, out of history (TS 29.520 5.2). */
export async function startNwdaf(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  return startFunction(context, 'NWDAF', [{ name: 'nnwdaf-analyticsinfo', version: 'v1' }], (server) => {
    server.route('GET', '/nnwdaf-analyticsinfo/v1/analytics', { query: analytics }, async ({ query }) => {
      const event = query['event-id'];
      if (event === 'NF_LOAD') return { status: 200, body: { nfLoadLevelInfos: await nfLoads(context) } };
      const start = query['ana-req']?.startTs ?? simulation.now;
      const end = query['ana-req']?.endTs ?? start + 60_000;
      if (start >= end) throw problem(400, 'INVALID_QUERY_PARAM', 'startTs must be before endTs');
      const found = expected(simulation, query['event-filter']?.networkArea ?? {}, start, end);
      // No analytics of any of these cells (TS 29.520 5.2.2.2.2).
      if (found.length === 0) return { status: 204 };
      const body =
        event === 'QOS_SUSTAINABILITY'
          ? { qosSustainInfos: found.map((one) => sustainability(simulation, one)) }
          : { userDataCongInfos: found.map(congestion) };
      return { status: 200, body: { start: iso(start), expiry: iso(end), ...body } };
    });
  });
}

function expected(simulation: Simulation, asked: Area, start: number, end: number): Expected[] {
  const named = (asked.ncgis?.length ?? 0) + (asked.ecgis?.length ?? 0) + (asked.tais?.length ?? 0);
  if (named === 0)
    throw invalid('event-filter', 'names no cells in networkArea', 'MANDATORY_QUERY_PARAM_MISSING');
  if (named > MAX_CELLS)
    throw invalid('event-filter', `names more than ${MAX_CELLS} cells`, 'INVALID_QUERY_PARAM');
  return cellsOf(simulation, asked)
    .slice(0, MAX_CELLS)
    .map((one) => ({ ...one, load: simulation.forecastLoad(one.cell.id, start, end) }));
}

const iso = (t: number) => new Date(t).toISOString();
const percent = (share: number) => Math.round(share * 100);

function sustainability(simulation: Simulation, one: Expected) {
  const { area: areaInfo, load } = one;
  return {
    areaInfo,
    startTs: iso(load.start),
    endTs: iso(load.end),
    ranUeThrouThd: toBitRate(sustainableMbps(simulation, one)),
    confidence: percent(load.confidence),
  };
}

const TYPICAL_BPS_PER_HZ = 2;

/** Lowest downlink rate over the window that one more user may hope for, near the cell. */
function sustainableMbps(simulation: Simulation, { cell, load }: Expected): number {
  const at = inFrontOf(cell);
  const times = [load.start, (load.start + load.end) / 2, load.end];
  const rates = simulation.forecastCoverage(times.map((t) => ({ ...at, t }))).map((here) => {
    if (here.cellId === cell.id) return here.dlMbps;
    if (here.standby?.cellId === cell.id) return here.standby.dlMbps;
    // Another cell is stronger there: what the load leaves of a typical rate stands in.
    return cell.bandwidthMHz * TYPICAL_BPS_PER_HZ * Math.max(0, 1 - load.prbRatio / 100);
  });
  return Math.min(...rates);
}

const METRES_A_DEGREE = 111_320;

/** A point 150 m into the sector. */
function inFrontOf({ position, azimuthDeg }: Cell) {
  const angle = (azimuthDeg * Math.PI) / 180;
  const shrink = Math.cos((position.lat * Math.PI) / 180);
  return {
    lat: position.lat + (150 * Math.cos(angle)) / METRES_A_DEGREE,
    lon: position.lon + (150 * Math.sin(angle)) / (METRES_A_DEGREE * shrink),
  };
}

function congestion({ area: networkArea, load }: Expected) {
  return {
    networkArea,
    congestionInfo: {
      congType: 'USER_PLANE',
      timeIntev: { startTime: iso(load.start), stopTime: iso(load.end) },
      nsi: { congLevel: Math.round(load.prbRatio) },
      confidence: percent(load.confidence),
      // Not in TS 29.520: the part of the load that cannot be pushed aside.
      gbrPrbRatio: Math.round(load.gbrPrbRatio * 10) / 10,
    },
  };
}

/** NF_LOAD: what instances have reported of themselves to the NRF; of the gNBs, their resource blocks. */
async function nfLoads({ client, nrf, simulation }: NfContext): Promise<unknown[]> {
  const read = async (path: string) =>
    (await client.request({ nf: 'NRF', base: nrf, method: 'GET', path })).body;
  const { item } = instances.parse(await read('/nnrf-nfm/v1/nf-instances'))._links;
  const infos: unknown[] = [];
  for (const { href } of item) {
    const { nfInstanceId, nfType, load } = instance.parse(await read(new URL(href).pathname));
    const level = nfInstanceId === instanceIdOf('GNB') ? ranLoad(simulation) : load;
    if (level === undefined) continue;
    infos.push({ nfType, nfInstanceId, nfLoadLevelAverage: level, confidence: 100 });
  }
  return infos;
}

/** Mean use of resource blocks over the NR cells of the regions in service, percent. */
function ranLoad(simulation: Simulation): number {
  const ratios = simulation
    .regions()
    .flatMap((region) => simulation.cells(region.id))
    .filter((cell) => cell.rat === 'NR')
    .map((cell) => simulation.kpis(cell.id)?.['RRU.PrbTotDl'] ?? 0);
  return ratios.length === 0 ? 0 : Math.round(ratios.reduce((a, b) => a + b, 0) / ratios.length);
}
