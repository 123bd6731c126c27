import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RRC } from '../../src/network/grid/columns.ts';
import type { NetworkEvent } from '../../src/network/model.ts';
import { GridNetwork, readWorld, runWorld, shippedWorlds } from '../../src/network/worlds/index.ts';

const advance = (network: GridNetwork, seconds: number) => network.advanceTo(network.now + 1000 * seconds);
const quantile = (values: number[], q: number) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(q * (sorted.length - 1))] as number;
};
const groupOf = (network: GridNetwork, name: string) => {
  const found = network.deployed.groups.find((one) => one.description.name === name);
  if (!found) throw new Error(name);
  return { first: found.first, end: found.first + found.description.count };
};
/** What each of a group has now. */
const ratsOf = (network: GridNetwork, name: string) => {
  const { first, end } = groupOf(network, name);
  const rats = { NR: 0, EUTRA: 0, none: 0 };
  for (let u = first; u < end; u++) rats[network.deployed.grid.ue(u)?.rat ?? 'none'] += 1 / (end - first);
  return rats;
};

it('six worlds ship, each with the subscriber that agents assure', () => {
  expect(shippedWorlds()).toEqual(['campus', 'city', 'concert', 'factory', 'home', 'motorway']);
  for (const name of shippedWorlds()) {
    const { description } = readWorld(name);
    expect(description.name).toBe(name);
    expect(description.ues.map(({ supi }) => supi)).toContain('imsi-001010000000001');
  }
});

describe('the point of each world', () => {
  it('motorway: cars change cells about as often as in the measured drives, 2.27 times a km', () => {
    const network = new GridNetwork(readWorld('motorway'));
    const { ues } = network.deployed.grid.columns;
    const changes = () =>
      [...ues.handovers].reduce((a, b) => a + b, 0) + [...ues.ratChanges].reduce((a, b) => a + b, 0);
    const before = changes();
    let km = 0;
    for (let second = 0; second < 60; second++) {
      advance(network, 1);
      ues.rrc.forEach((rrc, u) => {
        if (rrc === RRC.connected) km += (ues.speed[u] as number) / 1000;
      });
    }
    expect(km).toBeGreaterThan(100);
    expect((changes() - before) / km).toBeGreaterThan(2.27 * 0.8);
    expect((changes() - before) / km).toBeLessThan(2.27 * 1.2);
  });

  it('concert: the crowd fills the cells of the arena, the broadcast keeps its guaranteed rate', () => {
    const samples = [...runWorld(readWorld('concert'), 80, 20)];
    const arena = (i: number) => samples[i]?.groups.find(({ group }) => group === 'arena NR')?.prbDl ?? 0;
    expect(arena(0)).toBeLessThan(40);
    expect(arena(3)).toBeGreaterThan(90);
    for (const { flows } of samples) expect(flows).toEqual({ wanted: 4, kept: 4 });
  });

  it('factory: configured grants without DRX keep the round trip within 10 ms, which requests and DRX miss', () => {
    const roundTrips = (plain: boolean) => {
      const world = readWorld('factory');
      if (plain) world.description.radio = { ...world.description.radio, drx: true };
      if (plain) delete world.description.radio.configuredGrantMs;
      const network = new GridNetwork(world);
      const { first, end } = groupOf(network, 'machines');
      const all: number[] = [];
      for (let second = 0; second < 10; second++) {
        advance(network, 1);
        for (let u = first; u < end; u++) all.push(...network.deployed.grid.roundTrips(u, 4));
      }
      return all;
    };
    const quick = roundTrips(false);
    expect(quantile(quick, 0.5)).toBeLessThan(4);
    expect(quantile(quick, 0.95)).toBeLessThan(10);
    expect(quantile(roundTrips(true), 0.95)).toBeGreaterThan(10);
  });

  it('home: coated glass costs houses their 5G, and some of them everything; gardens keep it', () => {
    const network = new GridNetwork(readWorld('home'));
    advance(network, 10);
    const [old, modern, gardens] = ['old-houses', 'new-houses', 'gardens'].map((one) => ratsOf(network, one));
    expect(gardens?.NR).toBeGreaterThan(0.9);
    expect(old?.NR).toBeGreaterThan((modern?.NR ?? 0) + 0.2);
    expect(modern?.EUTRA).toBeGreaterThan(0.3);
    expect(modern?.none).toBeGreaterThan(old?.none ?? 1);
  });

  it('campus: the edge serves closer than the core, and when its link is cut a service stands still until rerouted', () => {
    const network = new GridNetwork(readWorld('campus'));
    const supi = 'imsi-001010000000001';
    advance(network, 5);
    const near = network.ue(supi)?.delayMs ?? 0;
    expect(network.routeVia(supi, 'central-hangzhou')).toBe(true);
    expect((network.ue(supi)?.delayMs ?? 0) - near).toBeCloseTo(12, 5);
    expect(network.routeVia(supi, 'edge-hangzhou')).toBe(true);
    const start = Date.parse(readWorld('campus').description.start);
    const service = { name: 'call', dlMbps: 1, ulMbps: 1, maxDelayMs: 100 };
    network.bookTrip({
      tripId: 't',
      supi,
      mode: 'drive',
      destination: 'Hangzhou',
      departure: { start, end: start + 3_600_000 },
      service: { ...service, window: { start: start + 270_000, end: start + 370_000 } },
    });
    network.advanceTo(start + 320_000);
    expect(network.paths(supi)).toContainEqual({
      dnai: 'edge-hangzhou',
      delayMs: 2,
      healthy: false,
      active: true,
    });
    network.routeVia(supi, 'central-hangzhou');
    network.advanceTo(start + 330_000);
    const seconds = network.serviceSeconds(supi);
    const lost = seconds.filter(({ lossRatio }) => lossRatio === 1).map(({ t }) => (t - start) / 1000);
    expect(lost).toEqual(Array.from({ length: 21 }, (_, i) => 300 + i));
    expect(seconds.at(-1)?.dlMbps).toBe(1);
  });

  it('city: a site that fails loses its UEs to the neighbours and gets them back', () => {
    const world = readWorld('city');
    for (const event of world.description.events)
      if (event.kind === 'cell-down') Object.assign(event, { from: 5, until: 15 });
    const network = new GridNetwork(world);
    const heard: NetworkEvent[] = [];
    network.onEvent((event) => heard.push(event));
    const onSite = () =>
      network
        .cells('shanghai')
        .filter(({ siteId }) => siteId === 'macro-0')
        .reduce((sum, { id }) => sum + (network.kpis(id)?.['RRC.ConnMean'] ?? 0), 0);
    advance(network, 4);
    expect(onSite()).toBeGreaterThan(2);
    advance(network, 6);
    expect(onSite()).toBe(0);
    advance(network, 20);
    expect(onSite()).toBeGreaterThan(0);
  });
});

describe('the joint to the network functions', () => {
  const SUPI = 'imsi-001010000000001';
  const made = () => new GridNetwork(readWorld('city'));
  const ARP = { priorityLevel: 5, preemptCap: 'MAY_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' } as const;
  const trip = (network: GridNetwork, mode: 'fly' | 'drive' | 'stay', destination = 'Shanghai') => ({
    tripId: 't1',
    supi: SUPI,
    mode,
    destination,
    departure: { start: network.now, end: network.now + 3_600_000 },
    service: {
      name: 'video',
      dlMbps: 4,
      ulMbps: 0.5,
      maxDelayMs: 150,
      window: { start: network.now + 30_000, end: network.now + 600_000 },
    },
  });

  it('drives the route of a named UE, records its service, and the flow carries it', () => {
    const network = made();
    const booked = network.bookTrip(trip(network, 'drive'));
    expect(booked.segments.map(({ kind }) => kind)).toEqual(['drive', 'stay']);
    const times = booked.segments[0]?.waypoints.map(({ t }) => t) ?? [];
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(
      network.addFlow({ id: 'f', supi: SUPI, fiveQi: 2, arp: ARP, gbrDlMbps: 4, gbrUlMbps: 0.5 }).admitted,
    ).toBe(true);
    network.advanceTo(booked.service.start + 100_000);
    const seconds = network.serviceSeconds(SUPI);
    expect(seconds.length).toBe(100);
    expect(seconds.filter(({ dlMbps }) => dlMbps >= 4).length).toBeGreaterThan(80);
    expect(network.ue(SUPI)?.speedMps).toBeCloseTo(12.5, 3);
    expect(network.flow('f')).toMatchObject({ supi: SUPI, gbrDlMbps: 4 });
    expect(network.othersMeanDl(SUPI).size).toBe(1000);
    expect(network.removeFlow('f')).toBe(true);
    expect(network.flow('f')).toBeUndefined();
  });

  it('passes over hours in which nothing is used, and finds the network settled', () => {
    const network = made();
    network.advanceTo(network.now + 6 * 3_600_000);
    expect(network.deployed.grid.ticks).toBeLessThan(50);
    expect(network.ue(SUPI)?.medium).toBe('cellular');
  });

  it('forecasts from planning data alone: the same whatever is to come', () => {
    const [a, b] = [made(), made()];
    b.world.description.events.length = 0;
    const point = { lat: 31.2304, lon: 121.4737, t: a.now + 700_000 };
    expect(a.forecastCoverage([point])).toEqual(b.forecastCoverage([point]));
    expect(a.forecastCoverage([point])[0]?.cellId).not.toBeNull();
    expect(a.forecastCoverage([{ lat: 0, lon: 0, t: 0 }])[0]).toMatchObject({ cellId: null, dlMbps: 0 });
  });

  it('refuses what a world has not, and changes nothing', () => {
    const network = made();
    const before = Buffer.from(network.save());
    const code = (name: string) => expect.objectContaining({ code: name });
    expect(() => network.bookTrip(trip(network, 'fly'))).toThrow(code('NETWORK_TRIP_INVALID'));
    expect(() => network.bookTrip(trip(network, 'drive', 'Paris'))).toThrow(code('NETWORK_REGION_UNKNOWN'));
    expect(() => network.bookTrip({ ...trip(network, 'drive'), supi: 'imsi-999' })).toThrow(
      code('NETWORK_SUBSCRIBER_UNKNOWN'),
    );
    const cellIds = [network.cells('shanghai')[0]?.id ?? ''];
    expect(() => network.setRrmPolicy({ id: 'p', cellIds, supis: [SUPI], dedicatedRatio: 101 })).toThrow(
      code('NETWORK_GRID_INVALID'),
    );
    expect(network.addFlow({ id: 'x', supi: 'imsi-999', fiveQi: 9, arp: ARP })).toEqual({
      admitted: false,
      cause: 'UE_NOT_FOUND',
    });
    expect(network.routeVia(SUPI, 'nowhere')).toBe(false);
    expect(network.ue('imsi-999')).toBeUndefined();
    expect(network.region('Paris')).toBeUndefined();
    expect(Buffer.from(network.save()).equals(before)).toBe(true);
  });

  it('brings policies in and out of force by their windows', () => {
    const network = made();
    const cell = network.ue(SUPI)?.cellId ?? '';
    const c = network.deployed.cells.findIndex(({ id }) => id === cell);
    const { policies } = network.deployed.grid.columns.cells;
    const start = network.now + 2000;
    network.setRrmPolicy({
      id: 'p',
      cellIds: [cell],
      supis: [SUPI],
      dedicatedRatio: 20,
      start,
      end: start + 3000,
    });
    expect(policies[c]).toBe(0);
    advance(network, 3);
    expect(policies[c]).not.toBe(0);
    advance(network, 3);
    expect(policies[c]).toBe(0);
  });
});

describe('snapshots', () => {
  it('go on to the same bytes, in the midst of a crowd, a trip and a flow', () => {
    const run = () => {
      const network = new GridNetwork(readWorld('concert'));
      const supi = 'imsi-001010000000001';
      network.bookTrip({
        tripId: 't',
        supi,
        mode: 'stay',
        destination: 'London',
        departure: { start: network.now, end: network.now },
        service: {
          name: 'v',
          dlMbps: 2,
          ulMbps: 1,
          maxDelayMs: 100,
          window: { start: network.now, end: network.now + 300_000 },
        },
      });
      network.addFlow({
        id: 'f',
        supi,
        fiveQi: 2,
        gbrDlMbps: 2,
        arp: { priorityLevel: 3, preemptCap: 'MAY_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' },
      });
      advance(network, 30);
      return network;
    };
    const one = run();
    const bytes = one.save();
    const other = new GridNetwork(readWorld('concert'));
    other.restore(bytes);
    expect(Buffer.from(other.save()).equals(Buffer.from(bytes))).toBe(true);
    for (const network of [one, other]) {
      advance(network, 10);
      network.removeFlow('f');
      advance(network, 20);
    }
    expect(Buffer.from(other.save()).equals(Buffer.from(one.save()))).toBe(true);
    expect(other.serviceSeconds('imsi-001010000000001')).toEqual(one.serviceSeconds('imsi-001010000000001'));
  });

  it('of another world, seed, description or form are refused, and nothing is changed', () => {
    const network = new GridNetwork(readWorld('campus'));
    const before = Buffer.from(network.save());
    const changed = readWorld('campus');
    const bad: Array<[Uint8Array, RegExp]> = [
      [new GridNetwork(readWorld('home')).save(), /of the world home, not of campus/],
      [new GridNetwork(readWorld('campus', 9)).save(), /seed 9/],
      [new GridNetwork({ ...changed, digest: 'other' }).save(), /description of campus has changed/],
      [new GridNetwork(changed, { startTime: network.now + 5000 }).save(), /another time/],
      [new Uint8Array(20), /not a snapshot of a world/],
      [before.subarray(0, before.length - 7), /damaged or ends too early/],
      [before.map((byte, i) => (i === 5000 ? byte ^ 1 : byte)), /damaged/],
    ];
    for (const [bytes, problem] of bad) {
      expect(() => network.restore(bytes)).toThrow(problem);
      expect(Buffer.from(network.save()).equals(before)).toBe(true);
    }
  });
});

describe('a measured drive in a world', () => {
  const dir = mkdtempSync(join(tmpdir(), 'worlds-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const rows = Array.from({ length: 30 }, (_, i) =>
    [
      `2020.02.14_12.00.${String(i).padStart(2, '0')}`,
      -8.5 + i * 1e-4,
      51.9,
      25,
      i < 15 ? 11 : 12,
      i < 25 ? '5G' : 'LTE',
      -80 - i,
      -11,
      i < 20 ? 12 : -9,
      9,
      1000,
      100,
    ].join(','),
  );
  const head =
    'Timestamp,Longitude,Latitude,Speed,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,DL_bitrate,UL_bitrate';
  writeFileSync(join(dir, 'drive.csv'), [head, ...rows].join('\n'));
  const world = (trace: string) => {
    const file = join(dir, `${trace}.yaml`);
    writeFileSync(
      file,
      `name: replay\nstart: 2026-01-01T00:00:00Z\nplace: { name: Cork, lat: 51.9, lon: -8.5 }\n` +
        `sites:\n  - { name: s, hexagon: { sites: 7, isdM: 500 } }\nues:\n  - { supi: imsi-001010000000002, trace: ${trace} }\n`,
    );
    return file;
  };

  it('is the radio of its UE, second by second, with its changes of cell', () => {
    const network = new GridNetwork(readWorld(world('drive.csv')));
    const events: NetworkEvent[] = [];
    network.onEvent((event) => events.push(event));
    for (let second = 1; second < 30; second++) {
      advance(network, 1);
      expect(network.ue('imsi-001010000000002')).toMatchObject({
        rsrpDbm: -80 - second,
        sinrDb: second < 20 ? 12 : -9,
        rat: second < 25 ? 'NR' : 'EUTRA',
      });
    }
    expect(events.map(({ type }) => type)).toEqual(['handover', 'rat-change']);
  });

  it('that is not there is named', () => {
    expect(() => readWorld(world('none.csv'))).toThrow(/none.csv cannot be read: ENOENT/);
  });
});
