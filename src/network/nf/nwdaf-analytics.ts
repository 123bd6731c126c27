import { z } from 'zod';
import { invalid, problem } from '../../sbi/index.ts';
import type { UeRadio } from '../model.ts';
import type { NfContext } from './context.ts';
import { instanceIdOf } from './instance-id.ts';
import { type Area, cellsOf } from './network-area.ts';
import { congestion, type Expected, networkPerformance, ranLoad, sustainability } from './nwdaf-cells.ts';
import { dataNetworkPerformance, mobility, serviceExperience } from './nwdaf-users.ts';

/** Of the events of TS 29.520, those that this network can compute. */
export const EVENTS = [
  'QOS_SUSTAINABILITY',
  'USER_DATA_CONGESTION',
  'NF_LOAD',
  'NETWORK_PERFORMANCE',
  'SERVICE_EXPERIENCE',
  'DN_PERFORMANCE',
  'UE_MOBILITY',
  'SLICE_LOAD_LEVEL',
  'NSI_LOAD_LEVEL',
] as const;
export type AnalyticsEvent = (typeof EVENTS)[number];

export interface Question {
  networkArea?: Area | undefined;
  supis?: readonly string[] | undefined;
  anyUe?: boolean | undefined;
  nfTypes?: readonly string[] | undefined;
  nfInstanceIds?: readonly string[] | undefined;
  snssais?: ReadonlyArray<{ sst: number }> | undefined;
  /** Network time, ms. */
  start: number;
  end: number;
}

const MAX_CELLS = 500;
const MAX_USERS = 50;
const instances = z.object({
  _links: z.object({ item: z.array(z.object({ href: z.string() })) }),
});
const instance = z.object({
  nfInstanceId: z.string(),
  nfType: z.string(),
  nfStatus: z.string().optional(),
  load: z.number().optional(),
});

/**
 * Results of an event under the name of their list in AnalyticsData (TS 29.520 5.2.6.2.2); undefined where
 * nothing is known. @throws SbiProblem 400 that names what is missing, under `at`
 */
export async function analyse(
  context: NfContext,
  event: AnalyticsEvent,
  question: Question,
  at: { area: string; user: string },
): Promise<Record<string, unknown[]> | undefined> {
  const { core, simulation } = context;
  const users = () => usersOf(context, question, at.user);
  const list = (name: string, values: unknown[]) => (values.length === 0 ? undefined : { [name]: values });
  switch (event) {
    case 'NF_LOAD':
      return list('nfLoadLevelInfos', await nfLoads(context, question));
    case 'QOS_SUSTAINABILITY': {
      const found = expected(context, question, at.area);
      return list(
        'qosSustainInfos',
        found.map((one) => sustainability(simulation, one)),
      );
    }
    case 'USER_DATA_CONGESTION':
      return list('userDataCongInfos', expected(context, question, at.area).map(congestion));
    case 'NETWORK_PERFORMANCE': {
      const found = expected(context, question, at.area);
      return found.length === 0 ? undefined : list('nwPerfs', networkPerformance(simulation, found));
    }
    case 'SERVICE_EXPERIENCE':
      return list(
        'svcExps',
        users().map((one) => serviceExperience(simulation, one)),
      );
    case 'DN_PERFORMANCE':
      return list(
        'dnPerfInfos',
        users().map((one) => dataNetworkPerformance(core, simulation, one)),
      );
    case 'UE_MOBILITY':
      return list(
        'ueMobs',
        users().flatMap((one) => mobility(simulation, one, question.start, question.end)),
      );
    case 'SLICE_LOAD_LEVEL': {
      const infos = slices(context, question).map(({ sNssai, level }) => ({
        loadLevelInformation: level,
        snssais: [sNssai],
      }));
      return list('sliceLoadLevelInfos', infos);
    }
    case 'NSI_LOAD_LEVEL': {
      const infos = slices(context, question).map(({ sNssai, level, sessions }) => ({
        loadLevelInformation: level,
        snssai: sNssai,
        numOfPduSess: { number: sessions, variance: 0 },
        confidence: 100,
      }));
      return list('nsiLoadLevelInfos', infos);
    }
  }
}

function expected({ simulation }: NfContext, { networkArea, start, end }: Question, at: string): Expected[] {
  const { ncgis = [], ecgis = [], tais = [] } = networkArea ?? {};
  const named = ncgis.length + ecgis.length + tais.length;
  const missing = at.startsWith('/') ? 'MANDATORY_IE_MISSING' : 'MANDATORY_QUERY_PARAM_MISSING';
  const wrong = at.startsWith('/') ? 'MANDATORY_IE_INCORRECT' : 'INVALID_QUERY_PARAM';
  if (named === 0) throw invalid(at, 'names no cells in networkArea', missing);
  if (named > MAX_CELLS) throw invalid(at, `names more than ${MAX_CELLS} cells`, wrong);
  return cellsOf(simulation, { ncgis, ecgis, tais })
    .slice(0, MAX_CELLS)
    .map((one) => ({ ...one, load: simulation.forecastLoad(one.cell.id, start, end) }));
}

function usersOf({ simulation }: NfContext, { supis, anyUe }: Question, at: string): UeRadio[] {
  const ids = supis ?? (anyUe === true ? simulation.subscribers() : undefined);
  if (ids === undefined) {
    const cause = at.startsWith('/') ? 'MANDATORY_IE_MISSING' : 'MANDATORY_QUERY_PARAM_MISSING';
    throw invalid(at, 'names no subscribers: supis or anyUe', cause);
  }
  return ids.slice(0, MAX_USERS).map((id) => {
    const radio = simulation.ue(id);
    if (radio === undefined) throw problem(404, 'USER_UNKNOWN', `No subscriber is called ${id}`);
    return radio;
  });
}

function slices({ core }: NfContext, { snssais }: Question) {
  return core.slices
    .use()
    .filter(({ sNssai }) => snssais === undefined || snssais.some(({ sst }) => sst === sNssai.sst))
    .map(({ sNssai, sessions, share }) => ({ sNssai, sessions, level: Math.round(share * 100) }));
}

/** What instances have reported of themselves to the NRF; of the gNBs, their resource blocks. */
async function nfLoads(
  { client, nrf, simulation }: NfContext,
  { nfTypes, nfInstanceIds }: Question,
): Promise<unknown[]> {
  const read = async (path: string) =>
    (await client.request({ nf: 'NRF', base: nrf, method: 'GET', path })).body;
  const { item } = instances.parse(await read('/nnrf-nfm/v1/nf-instances'))._links;
  const infos: unknown[] = [];
  for (const { href } of item) {
    // One that left since the list was made has no load.
    const body = await read(new URL(href, nrf).pathname).catch(() => null);
    const found = instance.safeParse(body);
    if (!found.success) continue;
    const { nfInstanceId, nfType, nfStatus, load } = found.data;
    if (nfTypes !== undefined && !nfTypes.includes(nfType)) continue;
    if (nfInstanceIds !== undefined && !nfInstanceIds.includes(nfInstanceId)) continue;
    const level = nfInstanceId === instanceIdOf('GNB') ? ranLoad(simulation) : load;
    if (level === undefined) continue;
    const up = nfStatus === 'REGISTERED' ? 100 : 0;
    infos.push({
      nfType,
      nfInstanceId,
      nfStatus: up === 100 ? { statusRegistered: 100 } : { statusUnregistered: 100 },
      nfLoadLevelAverage: level,
      confidence: 100,
    });
  }
  return infos;
}
