import { expect, test } from 'vitest';
import { z } from 'zod';
import { mergePatch } from '../../src/network/nf/app-session.ts';
import { qosOf } from '../../src/network/nf/qos-choice.ts';
import { createSbiServer } from '../../src/sbi/index.ts';
import { network, refused, START, SUPI } from './network.ts';
import { closing } from './support.ts';

const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';
const video = (more: Record<string, unknown> = {}) => ({
  medCompN: 1,
  medType: 'VIDEO',
  mirBwDl: '8 Mbps',
  mirBwUl: '4 Mbps',
  desMaxLatency: 150,
  ...more,
});
const request = (component: object, more: object = {}) => ({
  ascReqData: {
    suppFeat: '0',
    notifUri: 'http://127.0.0.1/unused',
    supi: SUPI,
    medComponents: { 1: component },
    ...more,
  },
});
const context = z.object({
  ascReqData: z.looseObject({}),
  evsNotif: z.object({
    evNotifs: z.array(z.object({ event: z.string() })),
    qncReports: z.array(z.object({ notifType: z.string() })),
  }),
});
const idOf = (location: string | undefined) => location?.split('/').pop() ?? '';

test('the flow of an application session is in the network until the session is deleted', async () => {
  const { net, ask, env } = await network();
  const before = (await ask('UPF', 'GET', `/nupf-ee/v1/usage/${SUPI}`)).body;
  const created = await ask('PCF', 'POST', SESSIONS, { body: request(video()) });
  expect(created.status).toBe(201);
  expect(created.headers.location).toBe(`${net.nfs.PCF}${SESSIONS}/app-1`);
  expect(created.body).toMatchObject({
    ascReqData: { supi: SUPI },
    evsNotif: {
      evNotifs: [{ event: 'SUCCESSFUL_RESOURCES_ALLOCATION' }],
      qncReports: [{ notifType: 'GUARANTEED', flows: [{ medCompN: 1 }] }],
    },
  });
  await net.advanceTo(START + 5000);
  const usage = z
    .object({ dlMbps: z.number(), ulMbps: z.number() })
    .parse((await ask('UPF', 'GET', `/nupf-ee/v1/usage/${SUPI}`)).body);
  expect(usage).not.toEqual(before);
  const at = `${SESSIONS}/app-1`;
  expect((await ask('PCF', 'GET', at)).body).toEqual(created.body);
  expect((await ask('PCF', 'POST', `${at}/delete`)).status).toBe(204);
  await expect(ask('PCF', 'GET', at)).rejects.toMatchObject(
    refused(404, 'APPLICATION_SESSION_CONTEXT_NOT_FOUND'),
  );
  expect(env.errors).toEqual([]);
});

test('what cannot be admitted stays as a session that is not guaranteed, and holds once it asks for less', async () => {
  const { net, ask } = await network();
  const created = await ask('PCF', 'POST', SESSIONS, { body: request(video({ mirBwDl: '5 Gbps' })) });
  expect(created.body).toMatchObject({
    evsNotif: {
      evNotifs: [{ event: 'FAILED_RESOURCES_ALLOCATION' }],
      qncReports: [{ notifType: 'NOT_GUARANTEED' }],
    },
  });
  const at = `${SESSIONS}/${idOf(created.headers.location)}`;
  const patched = await ask('PCF', 'PATCH', at, {
    contentType: 'application/merge-patch+json',
    body: {
      ascReqData: {
        medComponents: {
          1: {
            medCompN: 1,
            mirBwDl: '2 Mbps',
            mirBwUl: '1 Mbps',
            resPrio: 'PRIO_1',
            preemptCap: 'MAY_PREEMPT',
          },
        },
      },
    },
  });
  expect(patched.body).toMatchObject({
    ascReqData: { medComponents: { 1: { medType: 'VIDEO', mirBwDl: '2 Mbps', resPrio: 'PRIO_1' } } },
    evsNotif: { qncReports: [{ notifType: 'GUARANTEED' }] },
  });
  await net.advanceTo(START + 10_000);
  expect(context.parse((await ask('PCF', 'GET', at)).body).evsNotif.qncReports).toMatchObject([
    { notifType: 'GUARANTEED' },
  ]);
});

test('a guarantee that breaks and heals is told to who subscribed, before time has moved on', async () => {
  const { net, ask } = await network();
  const told: unknown[] = [];
  const listener = closing(await createSbiServer({ nf: 'AF', host: '127.0.0.1' }));
  listener.route('POST', '/af/notify', { body: z.looseObject({}) }, ({ body }) => {
    told.push(body);
    return { status: 204 };
  });
  const create = async (component: Record<string, unknown>, more: object = {}) => {
    const created = await ask('PCF', 'POST', SESSIONS, { body: request(component, more) });
    return {
      at: `${SESSIONS}/${idOf(created.headers.location)}`,
      verdict: context.parse(created.body).evsNotif.qncReports[0]?.notifType,
    };
  };
  const drop = (at: string) => ask('PCF', 'POST', `${at}/delete`);
  // Nearly the most that the cell admits: a second flow of that size needs the first one's place.
  let mbps = 1;
  for (let fits = true; fits; ) {
    const probe = await create(video({ mirBwDl: `${mbps + 2} Mbps`, mirBwUl: '0 Mbps' }));
    fits = probe.verdict === 'GUARANTEED';
    if (fits) mbps += 2;
    await drop(probe.at);
  }
  const size = { mirBwDl: `${mbps} Mbps`, mirBwUl: '0 Mbps' };
  const weak = await create(video({ ...size, resPrio: 'PRIO_15' }), {
    notifUri: `${listener.url}/af`,
    evSubsc: { events: [{ event: 'QOS_NOTIF', notifMethod: 'EVENT_DETECTION' }] },
  });
  expect(weak.verdict).toBe('GUARANTEED');
  await net.advanceTo(START + 1000);
  const strong = await create(video({ ...size, resPrio: 'PRIO_1', preemptCap: 'MAY_PREEMPT' }));
  expect(strong.verdict).toBe('GUARANTEED');
  await net.advanceTo(START + 5000);
  const reportOf = (notifType: string) => ({
    evSubsUri: `${net.nfs.PCF}${weak.at}/events-subscription`,
    evNotifs: [{ event: 'QOS_NOTIF' }],
    qncReports: [{ notifType, flows: [{ medCompN: 1 }] }],
  });
  expect(told).toEqual([reportOf('NOT_GUARANTEED')]);
  const read = async () => context.parse((await ask('PCF', 'GET', weak.at)).body).evsNotif.qncReports[0];
  expect(await read()).toMatchObject({ notifType: 'NOT_GUARANTEED' });
  await drop(strong.at);
  await net.advanceTo(START + 10_000);
  expect(told).toEqual([reportOf('NOT_GUARANTEED'), reportOf('GUARANTEED')]);
  expect(await read()).toMatchObject({ notifType: 'GUARANTEED' });
});

test('an answer that promised too much, or too little, is put right by the verdict of the gNB', async () => {
  const { net, ask } = await network();
  const created = await ask('PCF', 'POST', SESSIONS, { body: request(video({ mirBwDl: '1 Mbps' })) });
  const at = `${SESSIONS}/${idOf(created.headers.location)}`;
  const patch = async (mirBwDl: string) =>
    verdict(
      await ask('PCF', 'PATCH', at, {
        contentType: 'application/merge-patch+json',
        body: { ascReqData: { medComponents: { 1: { mirBwDl } } } },
      }),
    );
  const verdict = ({ body }: { body: unknown }) => context.parse(body).evsNotif.qncReports[0]?.notifType;
  expect(await patch('5 Gbps')).toBe('NOT_GUARANTEED');
  await net.advanceTo(START + 5000);
  expect(verdict(await ask('PCF', 'GET', at))).toBe('NOT_GUARANTEED');
  await patch('1 Mbps');
  await net.advanceTo(START + 10_000);
  expect(verdict(await ask('PCF', 'GET', at))).toBe('GUARANTEED');
});

test('a flow without room is tried again when the phone has changed cell', async () => {
  const { net, ask, radio } = await network();
  const order = (rat: string) => ask('GNB', 'POST', `/mobility/v1/ues/${SUPI}/handover`, { body: { rat } });
  await order('EUTRA');
  await net.advanceTo(START + 2000);
  const created = await ask('PCF', 'POST', SESSIONS, {
    body: request(video({ mirBwDl: '90 Mbps', mirBwUl: '0 Mbps' })),
  });
  expect(context.parse(created.body).evsNotif.evNotifs).toEqual([{ event: 'FAILED_RESOURCES_ALLOCATION' }]);
  await order('NR');
  await net.advanceTo(START + 4000);
  expect((await radio()).rat).toBe('NR');
  const at = `${SESSIONS}/${idOf(created.headers.location)}`;
  expect(context.parse((await ask('PCF', 'GET', at)).body).evsNotif).toMatchObject({
    evNotifs: [{ event: 'SUCCESSFUL_RESOURCES_ALLOCATION' }],
    qncReports: [{ notifType: 'GUARANTEED' }],
  });
});

test('routeToLocs sends the traffic another way, and an unknown way is refused', async () => {
  const { ask } = await network();
  const routed = (dnai: string) =>
    ask('PCF', 'POST', SESSIONS, {
      body: request(video(), { afRoutReq: { routeToLocs: [{ dnai }] } }),
    });
  await routed('edge-shanghai');
  const { paths } = z
    .object({ paths: z.array(z.object({ dnai: z.string(), active: z.boolean() })) })
    .parse((await ask('SMF', 'GET', `/paths/v1/ues/${SUPI}`)).body);
  expect(paths.filter((path) => path.active)).toMatchObject([{ dnai: 'edge-shanghai' }]);
  await expect(routed('edge-nowhere')).rejects.toMatchObject(refused(403, 'INVALID_DNAI'));
  await expect(ask('PCF', 'GET', `${SESSIONS}/app-2`)).rejects.toMatchObject({ code: 'SBI_FAILED' });
});

test('who has no PDU session, and what makes no sense, is refused', async () => {
  const { ask } = await network();
  await expect(
    ask('PCF', 'POST', SESSIONS, { body: request(video(), { supi: 'imsi-999990000000009' }) }),
  ).rejects.toMatchObject(refused(500, 'PDU_SESSION_NOT_AVAILABLE'));
  await expect(
    ask('PCF', 'POST', SESSIONS, { body: request(video({ mirBwDl: 'fast' })) }),
  ).rejects.toMatchObject(refused(400, 'INVALID_SERVICE_INFORMATION'));
  await expect(ask('PCF', 'PATCH', `${SESSIONS}/app-9`, { body: {} })).rejects.toMatchObject(
    refused(415, 'UNSUPPORTED_MEDIA_TYPE'),
  );
  await expect(
    ask('SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts', {
      body: {
        supi: 'imsi-99999',
        pduSessionId: 1,
        dnn: 'x',
        sNssai: { sst: 1 },
        anType: '3GPP_ACCESS',
        servingNfId: '00000000-0000-4000-8000-000000000001',
        smContextStatusUri: 'http://127.0.0.1:9/status',
      },
    }),
  ).rejects.toMatchObject(refused(404, 'USER_UNKNOWN'));
});

test('the events of a session can be subscribed to later, and dropped', async () => {
  const { ask } = await network();
  const created = await ask('PCF', 'POST', SESSIONS, { body: request(video()) });
  const at = `${SESSIONS}/${idOf(created.headers.location)}/events-subscription`;
  const body = { events: [{ event: 'QOS_NOTIF' }] };
  expect((await ask('PCF', 'PUT', at, { body })).status).toBe(201);
  expect((await ask('PCF', 'PUT', at, { body })).status).toBe(200);
  expect((await ask('PCF', 'DELETE', at)).status).toBe(204);
});

test('media, latency and priority give 5QI, rates and ARP', () => {
  const of = (more: Record<string, unknown>) => qosOf({ medCompN: 1, ...more }, 'q');
  expect(of({ medType: 'VIDEO', mirBwDl: 8, mirBwUl: 4, desMaxLatency: 150, resPrio: 'PRIO_2' })).toEqual({
    qosId: 'q',
    '5qi': 2,
    arp: { priorityLevel: 2, preemptCap: 'NOT_PREEMPT', preemptVuln: 'PREEMPTABLE' },
    gbrDl: '8 Mbps',
    gbrUl: '4 Mbps',
    qnc: true,
  });
  expect(of({ medType: 'VIDEO', mirBwDl: 1, mirBwUl: 4, desMaxLatency: 400 })['5qi']).toBe(72);
  expect(of({ medType: 'VIDEO', mirBwDl: 1, mirBwUl: 4, desMaxLatency: 200 })['5qi']).toBe(71);
  expect(of({ medType: 'AUDIO', mirBwDl: 0.1, desMaxLatency: 100 })['5qi']).toBe(1);
  expect(of({ medType: 'DATA', mirBwDl: 5, desMaxLatency: 20 })['5qi']).toBe(3);
  expect(of({ medType: 'DATA', mirBwDl: 5, marBwDl: 2 })).toMatchObject({ '5qi': 4, maxbrDl: '5 Mbps' });
  expect(of({ medType: 'DATA', desMaxLatency: 80 })).toMatchObject({ '5qi': 7, arp: { priorityLevel: 8 } });
  expect(of({})).not.toHaveProperty('gbrDl');
});

test('a merge patch changes what it names and takes away what is null', () => {
  expect(mergePatch({ a: { b: 1, c: 2 }, d: [1] }, { a: { b: null, e: 3 }, d: [2] })).toEqual({
    a: { c: 2, e: 3 },
    d: [2],
  });
});
