import { z } from 'zod';
import { createSbiServer } from '../../../src/sbi/index.ts';
import type { network } from '../network.ts';
import { closing } from '../support.ts';

type World = Awaited<ReturnType<typeof network>>;
interface About {
  supi: string;
  start: number;
}

/** Goes through every service of every function, also where it is refused. */
export async function scenario(world: World, about: About): Promise<void> {
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  listener.route('POST', '/told/{any}', { body: z.unknown() }, () => ({ status: 204 }));
  listener.route('POST', '/told/{any}/notify', { body: z.unknown() }, () => ({ status: 204 }));
  const at = listener.url;
  await nrf(world, at);
  await policy(world, about, at);
  await analytics(world, about, at);
  await exposure(world, at);
  await sessions(world, about, at);
  await planned(world, about);
  await access(world, about, at);
  await world.net.advanceTo(about.start + 6_000);
}

/** Asks and takes a refusal as an answer. */
const tried = (asking: Promise<unknown>) => asking.catch(() => undefined);
const PATCH = 'application/json-patch+json';
const NF = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0009';
const MERGE = 'application/merge-patch+json';

async function nrf({ ask }: World, at: string): Promise<void> {
  const id = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0009';
  const path = `/nnrf-nfm/v1/nf-instances/${id}`;
  const body = {
    nfInstanceId: id,
    nfType: 'AF',
    nfStatus: 'REGISTERED',
    ipv4Addresses: ['127.0.0.1'],
    heartBeatTimer: 30,
  };
  const made = await ask('NRF', 'POST', '/nnrf-nfm/v1/subscriptions', {
    body: { nfStatusNotificationUri: `${at}/told/nrf`, subscrCond: { nfType: 'AF' }, reqNfType: 'AF' },
  });
  await ask('NRF', 'PUT', path, { body });
  await ask('NRF', 'PUT', path, { body });
  await ask('NRF', 'PATCH', path, {
    body: [{ op: 'replace', path: '/load', value: 7 }],
    contentType: PATCH,
  });
  await ask('NRF', 'GET', path);
  await ask('NRF', 'GET', '/nnrf-nfm/v1/nf-instances', { query: { 'nf-type': 'AF' } });
  await ask('NRF', 'GET', '/nnrf-disc/v1/nf-instances', {
    query: { 'target-nf-type': 'PCF', 'requester-nf-type': 'SMF' },
  });
  await tried(ask('NRF', 'PUT', path, { body: { ...body, nfStatus: 7 } }));
  await ask('NRF', 'DELETE', path);
  await tried(ask('NRF', 'GET', path));
  const subscription = new URL(made.headers.location ?? '').pathname;
  await ask('NRF', 'PATCH', subscription, {
    body: [{ op: 'replace', path: '/validityTime', value: '2100-01-01T00:00:00Z' }],
    contentType: PATCH,
  });
  await ask('NRF', 'DELETE', subscription);
}

async function policy({ ask, net }: World, { start }: About, at: string): Promise<void> {
  const component = { medCompN: 1, medType: 'VIDEO', mirBwDl: '4 Mbps', mirBwUl: '1 Mbps' };
  const made = await ask('PCF', 'POST', '/npcf-policyauthorization/v1/app-sessions', {
    body: {
      ascReqData: {
        ueIpv4: '10.45.0.2',
        suppFeat: '0',
        notifUri: `${at}/told/af`,
        medComponents: { 1: component },
        evSubsc: { events: [{ event: 'QOS_NOTIF' }], notifUri: `${at}/told/af` },
      },
    },
  });
  const path = new URL(made.headers.location ?? '').pathname;
  await ask('PCF', 'GET', path);
  await ask('PCF', 'PATCH', path, {
    body: { ascReqData: { medComponents: { 1: { medCompN: 1, mirBwUl: '2 Mbps' } } } },
    contentType: MERGE,
  });
  const events = { events: [{ event: 'QOS_NOTIF' }], notifUri: `${at}/told/af` };
  await ask('PCF', 'PUT', `${path}/events-subscription`, { body: events });
  await ask('PCF', 'DELETE', `${path}/events-subscription`);
  await ask('PCF', 'PUT', `${path}/events-subscription`, { body: events });
  await net.advanceTo(start + 1_000);
  await ask('PCF', 'POST', `${path}/delete`, { body: { events: [{ event: 'QOS_NOTIF' }] } });
  await tried(ask('PCF', 'GET', path));
  await tried(ask('PCF', 'POST', '/npcf-policyauthorization/v1/app-sessions', { body: { ascReqData: {} } }));
}

async function analytics({ ask, net, radio }: World, { supi, start }: About, at: string): Promise<void> {
  const { cellId } = await radio();
  const plmnId = { mcc: '001', mnc: '01' };
  const query = (event: string) => ({
    'event-id': event,
    'ana-req': JSON.stringify({
      startTs: new Date(start).toISOString(),
      endTs: new Date(start + 600_000).toISOString(),
    }),
    'event-filter': JSON.stringify({ networkArea: { ncgis: [{ plmnId, nrCellId: cellId }] } }),
    'tgt-ue': JSON.stringify({ supis: [supi] }),
  });
  const events = [
    'QOS_SUSTAINABILITY',
    'USER_DATA_CONGESTION',
    'NF_LOAD',
    'NETWORK_PERFORMANCE',
    'SERVICE_EXPERIENCE',
    'DN_PERFORMANCE',
    'UE_MOBILITY',
    'NSI_LOAD_LEVEL',
  ];
  for (const event of [...events, 'LOAD_LEVEL_INFORMATION']) {
    await ask('NWDAF', 'GET', '/nnwdaf-analyticsinfo/v1/analytics', { query: query(event) });
  }
  const root = '/nnwdaf-eventssubscription/v1/subscriptions';
  const networkArea = { ncgis: [{ plmnId, nrCellId: cellId }] };
  const body = {
    notificationURI: `${at}/told/nwdaf`,
    notifCorrId: 'a1',
    evtReq: { immRep: true },
    eventSubscriptions: [...events, 'SLICE_LOAD_LEVEL'].map((event) => ({
      event,
      notificationMethod: 'PERIODIC',
      repetitionPeriod: 1,
      networkArea,
      tgtUe: { supis: [supi] },
    })),
  };
  const made = await ask('NWDAF', 'POST', root, { body });
  const path = new URL(made.headers.location ?? '').pathname;
  await net.advanceTo(start + 2_000);
  const threshold = { event: 'USER_DATA_CONGESTION', notificationMethod: 'THRESHOLD', networkArea };
  const congThresholds = [{ congLevel: 50 }];
  await ask('NWDAF', 'PUT', path, {
    body: { ...body, eventSubscriptions: [{ ...threshold, congThresholds }] },
  });
  await tried(ask('NWDAF', 'POST', root, { body: { ...body, eventSubscriptions: [threshold] } }));
  await ask('NWDAF', 'DELETE', path);
}

async function access({ ask, net }: World, { supi, start }: About, at: string): Promise<void> {
  await ask('AMF', 'POST', `/namf-loc/v1/${supi}/provide-loc-info`, { body: { req5gsLoc: true } });
  await ask('UDM', 'GET', `/nudm-sdm/v2/${supi}/id-translation-result`);
  await tried(ask('UDM', 'GET', '/nudm-sdm/v2/imsi-99999/id-translation-result'));
  await tried(ask('AMF', 'POST', '/namf-loc/v1/imsi-99999/provide-loc-info', { body: {} }));
  const upf = async (event: object, mode: object) => {
    const subscription = {
      eventList: [event],
      eventNotifyUri: `${at}/told/upf`,
      notifyCorrelationId: '1',
      nfId: NF,
      eventReportingMode: mode,
      supi,
    };
    const { headers } = await ask('UPF', 'POST', '/nupf-ee/v1/ee-subscriptions', { body: { subscription } });
    return new URL(headers.location ?? '').pathname;
  };
  await upf({ type: 'USER_DATA_USAGE_MEASURES' }, { trigger: 'ONE_TIME' });
  await upf({ type: 'QOS_MONITORING', immediateFlag: true }, { trigger: 'ONE_TIME' });
  const path = await upf({ type: 'QOS_MONITORING' }, { trigger: 'PERIODIC', repPeriod: 1, maxReports: 2 });
  await net.advanceTo(start + 4_000);
  const events = ['LOCATION_REPORT', 'ACCESS_TYPE_REPORT', 'REGISTRATION_STATE_REPORT'];
  const more = ['CONNECTIVITY_STATE_REPORT', 'REACHABILITY_REPORT'];
  const subscription = {
    eventList: [...events, ...more].map((type) => ({ type, immediateFlag: true })),
    eventNotifyUri: `${at}/told/amf`,
    notifyCorrelationId: 'amf1',
    nfId: NF,
    supi,
  };
  const evts = await ask('AMF', 'POST', '/namf-evts/v1/subscriptions', { body: { subscription } });
  const watch = new URL(evts.headers.location ?? '').pathname;
  await ask('GNB', 'POST', `/mobility/v1/ues/${supi}/handover`, { body: { rat: 'EUTRA' } });
  await net.advanceTo(start + 3_000);
  await ask('AMF', 'PATCH', watch, {
    body: [{ op: 'replace', path: '/options/expiry', value: '2100-01-01T00:00:00Z' }],
    contentType: PATCH,
  });
  await ask('AMF', 'DELETE', watch);
  await tried(ask('AMF', 'POST', '/namf-evts/v1/subscriptions', { body: { subscription: {} } }));
  const n1n2 = { n2InfoContainer: { n2InformationClass: 'SM' }, pduSessionId: 1 };
  await ask('AMF', 'POST', `/namf-comm/v1/ue-contexts/${supi}/n1-n2-messages`, { body: n1n2 });
  const amfStatus = { amfStatusUri: `${at}/told/amfst` };
  const state = await ask('AMF', 'POST', '/namf-comm/v1/subscriptions', { body: amfStatus });
  await ask('AMF', 'DELETE', new URL(state.headers.location ?? '').pathname);
  const value = { trigger: 'PERIODIC', repPeriod: 60 };
  await ask('UPF', 'PATCH', path, {
    body: [{ op: 'replace', path: '/eventReportingMode', value }],
    contentType: PATCH,
  });
  await ask('UPF', 'DELETE', path);
  await tried(ask('UPF', 'DELETE', path));
}

async function exposure({ ask, radio }: World, at: string): Promise<void> {
  const { cellId } = await radio();
  const qos = '/3gpp-as-session-with-qos/v1/app1/subscriptions';
  const body = {
    notificationDestination: `${at}/told/qos`,
    ueIpv4Addr: '10.45.0.2',
    qosReference: 'QOS_M',
    flowInfo: [{ flowId: 1, flowDescriptions: ['permit out 17 from 198.51.100.1 to 10.45.0.2 50000'] }],
    qosDuration: 2,
  };
  const made = await ask('NEF', 'POST', qos, { body });
  const path = new URL(made.headers.location ?? '').pathname;
  await ask('NEF', 'GET', path);
  await ask('NEF', 'GET', qos);
  await ask('NEF', 'PATCH', path, { body: { qosReference: 'QOS_S' }, contentType: MERGE });
  await ask('NEF', 'PUT', path, { body });
  await tried(ask('NEF', 'POST', qos, { body: { ...body, qosReference: 'QOS_X' } }));
  await tried(ask('NEF', 'POST', qos, { body: { ...body, ueIpv4Addr: '10.45.9.9' } }));
  const second = await ask('NEF', 'POST', qos, { body });
  await ask('NEF', 'DELETE', new URL(second.headers.location ?? '').pathname);
  const influence = '/3gpp-traffic-influence/v1/app1/subscriptions';
  const wish = {
    afAppId: 'game',
    ipv4Addr: '10.45.0.2',
    trafficRoutes: [{ dnai: 'edge-shanghai', routeProfId: 'edge' }],
  };
  const routed = await ask('NEF', 'POST', influence, { body: wish });
  const route = new URL(routed.headers.location ?? '').pathname;
  await ask('NEF', 'GET', route);
  await ask('NEF', 'PATCH', route, {
    body: { trafficRoutes: [{ dnai: 'backup-shanghai', routeProfId: 'backup' }] },
    contentType: MERGE,
  });
  await ask('NEF', 'DELETE', route);
  const nwAreaInfo = { ncgis: [{ plmnId: { mcc: '001', mnc: '01' }, nrCellId: cellId }] };
  const asked = { analyEvent: 'CONGESTION', analyEventFilter: { locArea: { nwAreaInfo } } };
  await ask('NEF', 'POST', '/3gpp-analyticsexposure/v1/app1/fetch', { body: asked });
  await ask('NEF', 'POST', '/3gpp-analyticsexposure/v1/app1/subscriptions', {
    body: {
      analyEventsSubs: [asked],
      notifUri: `${at}/told/outside`,
      notifId: 'n1',
      analyRepInfo: { repPeriod: 1 },
    },
  });
}

async function sessions({ ask }: World, { supi }: About, at: string): Promise<void> {
  const body = {
    notifId: 's1',
    notifUri: `${at}/told/smf`,
    supi,
    eventSubs: ['PDU_SES_EST', 'PDU_SES_REL', 'UP_PATH_CH', 'QFI_ALLOC'].map((event) => ({ event })),
  };
  const root = '/nsmf-event-exposure/v1/subscriptions';
  const made = await ask('SMF', 'POST', root, { body });
  const path = new URL(made.headers.location ?? '').pathname;
  await ask('SMF', 'GET', path);
  await ask('SMF', 'PUT', path, { body });
  const session = {
    supi,
    pduSessionId: 2,
    dnn: 'internet',
    sNssai: { sst: 1 },
    servingNfId: NF,
    servingNetwork: { mcc: '001', mnc: '01' },
    anType: '3GPP_ACCESS',
    smContextStatusUri: `${at}/told/sm`,
  };
  const attachments = [
    { contentId: 'n1', contentType: 'application/vnd.3gpp.5gnas', data: Uint8Array.from([0x2e, 2, 1, 0xc1]) },
  ];
  const context = await ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts', { body: session, attachments });
  const ref = new URL(context.headers.location ?? '').pathname;
  await ask('SMF', 'POST', `${ref}/modify`, { body: { upCnxState: 'DEACTIVATED' } });
  await ask('SMF', 'PUT', `/paths/v1/ues/${supi}/dnai`, { body: { dnai: 'edge-shanghai' } });
  await ask('SMF', 'POST', `${ref}/release`, { body: {} });
  await tried(ask('SMF', 'POST', `${ref}/release`, { body: {} }));
  const other = await ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts', { body: session, attachments });
  const id = (other.headers.location ?? '').split('/').at(-1);
  const end = { resourceUri: 'http://127.0.0.1/x', cause: 'UNSPECIFIED' };
  await ask('SMF', 'POST', `/nsmf-callback/v1/sm-policies/${id}/terminate`, { body: end });
  await ask('SMF', 'DELETE', path);
  await tried(ask('SMF', 'POST', root, { body: { ...body, eventSubs: [] } }));
}

async function planned({ ask, radio }: World, { start }: About): Promise<void> {
  const { cellId } = await radio();
  const hour = (n: number) => new Date(start + n * 3_600_000).toISOString();
  const root = '/npcf-pdtq-policy-control/v1/pdtq-policies';
  const made = await ask('PCF', 'POST', root, {
    body: {
      aspId: 'maps',
      numOfUes: 1,
      qosReference: 'QOS_M',
      desTimeInts: [12, 19, 20].map((n) => ({ startTime: hour(n), stopTime: hour(n + 1) })),
      nwAreaInfo: { ncgis: [{ plmnId: { mcc: '001', mnc: '01' }, nrCellId: cellId }] },
    },
  });
  const path = new URL(made.headers.location ?? '').pathname;
  await ask('PCF', 'GET', path);
  await ask('PCF', 'PATCH', path, { body: { selPdtqPolicyId: 1 }, contentType: MERGE });
  await tried(ask('PCF', 'PATCH', path, { body: { selPdtqPolicyId: 99 }, contentType: MERGE }));
  const form = (more: Record<string, string>) => ({
    body: new URLSearchParams(more).toString(),
    contentType: 'application/x-www-form-urlencoded',
  });
  const token = { grant_type: 'client_credentials', nfInstanceId: '00000000-0000-4000-8000-000000000001' };
  const target = { targetNfType: 'SMF', scope: 'nsmf-pdusession' };
  await ask('NRF', 'POST', '/oauth2/token', form({ ...token, ...target }));
  await tried(ask('NRF', 'POST', '/oauth2/token', form({ ...token, scope: 'x' })));
}
