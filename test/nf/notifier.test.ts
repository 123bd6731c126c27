import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Duties, Notifier } from '../../src/network/nf/index.ts';
import { PduSession } from '../../src/network/nf/pdu-session.ts';
import type { qosData } from '../../src/network/nf/sm-policy.ts';
import { SbiClient } from '../../src/sbi/index.ts';
import { network, refused, SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';

/** A subscriber that never answers, or that answers with a status. */
async function subscriber(status?: number) {
  const streams: Array<() => void> = [];
  let heard: () => void = () => undefined;
  const asked = () => new Promise<void>((resolve) => (heard = resolve));
  const server = createServer();
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    if (status !== undefined) stream.respond({ ':status': status }, { endStream: true });
    else streams.push(() => stream.close());
    heard();
  });
  server.on('session', (session) => streams.push(() => session.destroy()));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing({
    close: () =>
      new Promise<void>((resolve) => {
        for (const end of streams) end();
        server.close(() => resolve());
      }),
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/told`, asked };
}

function notifier() {
  const env = testEnv();
  const client = closing(new SbiClient({ env, timeoutMs: 60_000 }));
  const duties = new Duties(env.log);
  return { env, duties, notifier: new Notifier({ env, client, duties }) };
}

test('a subscriber that does not answer holds network time for a second and no longer', async () => {
  const { env, duties, notifier: one } = notifier();
  const { url, asked } = await subscriber();
  const heard = asked();
  one.notify('event', url, {});
  await heard;
  let settled = false;
  const done = duties.settled().then(() => {
    settled = true;
  });
  for (let slice = 0; slice < 3; slice++) {
    env.clock.advance(250);
    await new Promise((resolve) => setImmediate(resolve));
    expect(settled).toBe(false);
  }
  env.clock.advance(250);
  await done;
  expect(one.failed).toBe(1);
  expect(env.clock.pending()).toBe(0);
});

test('after three failures in a row a subscriber is told no more, until it subscribes again', async () => {
  const { duties, notifier: one } = notifier();
  const { url } = await subscriber(500);
  for (let n = 0; n < 5; n++) {
    one.notify('event', url, {});
    await duties.settled();
  }
  expect({ failed: one.failed, withheld: one.withheld }).toEqual({ failed: 3, withheld: 2 });
  one.welcome(url);
  one.notify('event', url, {});
  await duties.settled();
  expect(one.failed).toBe(4);
  const good = await subscriber(204);
  one.notify('event', good.url, {});
  await duties.settled();
  expect({ failed: one.failed, withheld: one.withheld }).toEqual({ failed: 4, withheld: 2 });
});

test('a change of which one rule fails leaves all rules as they were', async () => {
  const flows = new Map<string, { gbrDlMbps: number | undefined }>();
  const admitted = { admitted: true, guaranteed: true } as const;
  let broken = '';
  const simulation = {
    now: 0,
    addFlow(flow: { id: string; gbrDlMbps: number | undefined }) {
      if (flow.id.endsWith(broken) && broken !== '') throw new Error('the gNB failed');
      flows.set(flow.id, { gbrDlMbps: flow.gbrDlMbps });
      return admitted;
    },
    modifyFlow(id: string, { gbrDlMbps }: { gbrDlMbps: number | undefined }) {
      flows.set(id, { gbrDlMbps });
      return admitted;
    },
    removeFlow: (id: string) => flows.delete(id),
  };
  const session = new PduSession(
    's',
    SUPI,
    simulation as unknown as ConstructorParameters<typeof PduSession>[2],
  );
  const qos = (gbrDl: number) =>
    ({ '5qi': 2, arp: { priorityLevel: 8 }, gbrDl }) as unknown as Parameters<
      PduSession['install']
    >[1] satisfies ReturnType<(typeof qosData)['parse']>;
  session.change(
    new Map([
      ['a', qos(1)],
      ['b', qos(2)],
    ]),
    [],
  );
  const before = new Map(flows);
  broken = 'd';
  expect(() =>
    session.change(
      new Map([
        ['b', qos(9)],
        ['c', qos(3)],
        ['d', qos(4)],
      ]),
      ['a'],
    ),
  ).toThrow('the gNB failed');
  expect(flows).toEqual(before);
  expect(session.reports(['a', 'b', 'c', 'd']).ruleReports.map(({ pccRuleIds }) => pccRuleIds[0])).toEqual([
    'a',
    'b',
  ]);
});

test('a change of an application session that is refused leaves rules and session as they were', async () => {
  const { ask, net } = await network();
  const component = { medCompN: 1, medType: 'VIDEO', mirBwDl: '8 Mbps', mirBwUl: '4 Mbps' };
  const created = await ask('PCF', 'POST', SESSIONS, {
    body: {
      ascReqData: {
        suppFeat: '0',
        notifUri: 'http://127.0.0.1/x',
        supi: SUPI,
        medComponents: { 1: component },
      },
    },
  });
  const at = `${SESSIONS}/${String(created.headers.location).split('/').pop()}`;
  const before = (await ask('PCF', 'GET', at)).body;
  const change = {
    ascReqData: {
      medComponents: { 1: { ...component, mirBwDl: '1 Mbps' }, 2: { ...component, medCompN: 2 } },
      afRoutReq: { routeToLocs: [{ dnai: 'edge-nowhere' }] },
    },
  };
  const patch = ask('PCF', 'PATCH', at, { body: change, contentType: 'application/merge-patch+json' });
  await expect(patch).rejects.toMatchObject(refused(403, 'INVALID_DNAI'));
  await net.advanceTo(net.now + 1_000);
  expect((await ask('PCF', 'GET', at)).body).toEqual(before);
});
