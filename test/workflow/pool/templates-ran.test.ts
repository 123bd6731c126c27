import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Live, live, START, SUPI } from './live.ts';

let net: Live;
let radio: {
  cellId: string;
  position: { lat: number; lon: number };
  rat: string;
  standby: { cellId: string };
};
beforeAll(async () => {
  net = await live();
  ({ radio } = (await net.tool('ran_read_ue_radio', { supi: SUPI })) as { radio: typeof radio });
});
afterAll(() => net.close());

/** Far from every site of the city. */
const NOWHERE = { lat: 31.9, lon: 122.9 };
const route = (...points: Array<{ lat: number; lon: number }>) =>
  points.map(({ lat, lon }, n) => ({ lat, lon, t: START + n * 60_000 }));

describe('coverage', () => {
  test('a route through the city is good, one out to sea has gaps', async () => {
    expect(await net.run('ran', 'evaluate-route-coverage', { route: route(radio.position) })).toMatchObject({
      verdict: 'good',
      points: 1,
      weakShare: 0,
      stretches: [],
    });
    const out = await net.run('ran', 'evaluate-route-coverage', {
      route: route(radio.position, NOWHERE, NOWHERE, radio.position),
    });
    expect(out).toMatchObject({
      verdict: 'gaps',
      weakShare: 0.5,
      stretches: [{ start: START + 60_000, end: START + 120_000, points: 2, standbyUsable: false }],
    });
    // Where more is asked than 5G gives and 4G does, the standby network is needed.
    console.log(
      JSON.stringify(
        await net.run('ran', 'evaluate-route-coverage', { route: route(radio.position), dlMbps: 500 }),
      ),
    );
  });
});

test('debug', async () => {
  const all = Array.from({ length: 40 }, (_, n) => `imsi-00101001${String(n + 1).padStart(7, '0')}`);
  for (const supi of ['imsi-001010010000001', ...all.slice(0, 5)]) {
    console.log(supi, JSON.stringify(await net.tool('ran_read_ue_radio', { supi }).catch((e) => e.message)));
  }
  const cellIds = [radio.cellId, radio.standby.cellId];
  const show = async (name: string, input: any) =>
    console.log(name, JSON.stringify(await net.run('ran', name, input).catch((e) => [e.message, e.details])));
  await show('reserve-resources', { supi: SUPI, cellIds });
  await show('reserve-resources', { supi: SUPI, cellIds, ratio: 90 });
  await show('preset-weak-coverage', { supi: SUPI, route: route(radio.position) });
  await show('preset-weak-coverage', { supi: SUPI, route: route(radio.position), always: true });
  await show('balance-load', { supis: [SUPI] });
  await show('balance-load', { supis: [SUPI], above: 10, gap: -100 });
  await show('leave-weak-coverage', { supi: SUPI });
  await show('leave-weak-coverage', { supi: SUPI, rsrpDbm: -50 });
  await show('leave-weak-coverage', { supi: SUPI, rsrpDbm: -70, sinrDb: 0 });
  await show('evaluate-interference', { supi: SUPI });
  await show('find-idle-cells', { cellIds });
  await show('find-idle-cells', { cellIds, idleBelow: 80 });
  await net.tool('storage_set_bucket', { bucket: 'history', siteId: 'edge-shanghai' });
  await show('collect-denser', { cellIds, bucket: 'history' });
  await show('check-handovers', { cellIds });
}, 60000);
