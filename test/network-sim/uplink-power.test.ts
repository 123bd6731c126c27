import { expect, test } from 'vitest';
import { createGrid, type Grid, hexagonLayout, type Profile } from '../../src/network/grid/index.ts';
import { uplinkPrbs, uplinkRate } from '../../src/network/grid/uplink-power.ts';
import type { World } from '../../src/network/grid/world.ts';
import { GridNetwork, Orders, readWorld } from '../../src/network/worlds/index.ts';
import { EDGE } from '../explore/kit.ts';

const uploads: Profile = { name: 'uploads', share: 1, onS: 1e9, offS: 0, dlMbps: 0.1, ulMbps: 20 };
const city = (): Grid => {
  const layout = hexagonLayout({ cells: 21, isdM: 500 });
  return createGrid(layout, { seed: 4, ues: 150, population: { profiles: [uploads], indoor: 0.3 } });
};
const control = (grid: Grid, p0Dbm: number, alpha: number) => {
  for (let c = 0; c < grid.cellCount; c++) grid.setUplinkPower(c, { p0Dbm, alpha });
};
const meanIot = ({ columns }: Grid) =>
  columns.cells.iot.reduce((a, b) => a + b, 0) / columns.cells.iot.length;

test('P0 that no UE reaches is full power, to the bit', () => {
  const free = city();
  const controlled = city();
  control(controlled, 24, 1);
  free.tick(5);
  controlled.tick(5);
  expect([...controlled.columns.ues.gotUl]).toEqual([...free.columns.ues.gotUl]);
  expect([...controlled.columns.cells.iot]).toEqual([...free.columns.cells.iot]);
});

test('the less power, the less interference; near UEs pay, those at the edge do not', () => {
  const grids = [city(), city(), city()] as const;
  control(grids[1], -84, 0.8);
  control(grids[2], -95, 0.8);
  const iot = grids.map((grid) => {
    grid.tick(20);
    return meanIot(grid);
  });
  expect(iot[0]).toBeGreaterThan(3);
  expect(iot[1]).toBeLessThan(0.7 * (iot[0] as number));
  expect(iot[2]).toBeLessThan(iot[1] as number);
  // At P0 -84 and alpha 0.8 a UE with 150 dB of path loss is at full power in one PRB already: 39 dBm are allowed.
  const world = grids[1].columns as unknown as World;
  const u = world.ues.rrc.findIndex((rrc, i) => rrc === 2 && world.ues.rat[i] === 0);
  const c = world.ues.cell[u] as number;
  const rate = (pathLoss: number, prbs: number) => {
    world.ues.ulLoss[u] = pathLoss + (world.cells.iot[c] as number);
    return uplinkRate(world, u, prbs);
  };
  const free = (pathLoss: number, prbs: number) => {
    const p0 = world.cells.p0[c] as number;
    world.cells.p0[c] = Number.NaN;
    const value = rate(pathLoss, prbs);
    world.cells.p0[c] = p0;
    return value;
  };
  expect(rate(140, 1)).toBe(free(140, 1));
  expect(rate(85, 8)).toBeLessThan(free(85, 8));
  // TS 38.213 7.1.1: -84 + 10 log10(2) + 0.8 * 100 = -0.99 dBm in a PRB; 36 PRBs of it stay below 23 dBm.
  expect(rate(100, 8) / 8).toBeCloseTo(rate(100, 4) / 4, 5);
  expect(uplinkPrbs(world, u, rate(100, 8))).toBeCloseTo(8, 3);
});

test('another seed draws another future of the same present, the same one the same', () => {
  const future = (seed: number) => {
    const grid = city();
    grid.tick(5);
    grid.reseed(seed);
    grid.tick(20);
    return grid.digest();
  };
  expect(future(1)).toBe(future(1));
  expect(future(1)).not.toBe(future(2));
});

test('an individual offset draws UEs into a cell, and is undone', () => {
  const grid = city();
  grid.tick(30);
  const connected = () => grid.columns.cells.connected[0] as number;
  const before = connected();
  grid.setCellOffset(0, 12);
  grid.tick(60);
  expect(connected()).toBeGreaterThan(before + 2);
  expect(() => grid.setCellOffset(0, 30)).toThrow(/offsetDb/);
});

test('orders replace and take back what they set, through a snapshot too', () => {
  const world = readWorld(EDGE);
  const network = new GridNetwork(world);
  const orders = new Orders(network);
  const ids = network.deployed.cells.map(({ id }) => id);
  const { p0, alpha, offset } = network.deployed.grid.columns.cells;
  const scope = { cells: ids.slice(0, 2), subscribers: ['imsi-001010000000001'] };
  network.setUePriority({ id: 'agent', supi: 'imsi-001010000000001', priorityLevel: 9 });
  orders.apply('a', { ulP0Dbm: -90, ulAlpha: 0.8, priorityLevel: 5, prbPercent: 10 }, scope);
  orders.apply('b', { ulP0Dbm: -80, cellOffsetDb: 3 }, { cells: ids.slice(1, 3), subscribers: [] });
  expect([...p0.slice(0, 4)]).toEqual([-90, -80, -80, Number.NaN]);
  expect([...alpha.slice(0, 3)].map((value) => Math.round(10 * value) / 10)).toEqual([0.8, 0.8, 1]);

  const copy = new GridNetwork(world);
  copy.restore(network.save());
  expect(copy.save()).toEqual(network.save());
  expect(copy.control.cells.remove('b')).toBe(true);
  expect([...copy.deployed.grid.columns.cells.p0.slice(0, 3)]).toEqual([-90, -90, Number.NaN]);

  expect(() => orders.apply('c', { ulP0Dbm: 99 }, scope)).toThrow(/p0Dbm/);
  expect(orders.undo('b')).toBe(true);
  expect(orders.undo('b')).toBe(false);
  expect([...offset.slice(0, 3)]).toEqual([0, 0, 0]);
  orders.undo('a');
  expect([...p0.slice(0, 3)].every(Number.isNaN)).toBe(true);
  // What somebody else had set for the subscriber is there again.
  const u = network.control.ueOf('imsi-001010000000001') as number;
  expect(network.deployed.grid.columns.ues.priority[u]).toBe(9);
});
