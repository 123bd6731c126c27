import type { Fault } from '../grid/index.ts';
import { type Deployed, settleUe } from './deploy.ts';
import type { FlowDescription, WorldEvent } from './schema.ts';

type Crowd = Extract<WorldEvent, { kind: 'crowd' }>;

/** What a world's events have done so far: part of its snapshot. */
export interface HappeningsState {
  /** Faults in force. */
  faults: string[];
  /** UEs of each group there now, a digit each: 0 not yet, 1 there, 2 gone. */
  presence: Array<[group: string, digits: string]>;
  /** Flows of the population: flow number of the grid by UE, and what is still wanted. */
  flows: Array<[ue: number, index: number, flow: number]>;
}

/** Takes the events of a description to the grid as time passes. */
export class Happenings {
  readonly #deployed: Deployed;
  readonly #faults = new Set<string>();
  readonly #crowds = new Map<string, Crowd>();
  readonly #presence = new Map<string, Uint8Array>();
  /** By `ue:index`; -1 while the network has not admitted it. */
  readonly #flows = new Map<string, number>();

  constructor(deployed: Deployed) {
    this.#deployed = deployed;
    const { description } = deployed.world;
    for (const event of description.events) if (event.kind === 'crowd') this.#crowds.set(event.group, event);
    for (const { description: group, first } of deployed.groups) {
      const there = new Uint8Array(group.count).fill(this.#crowds.has(group.name) ? 0 : 1);
      this.#presence.set(group.name, there);
      there.forEach((present, i) => {
        if (present === 1) this.#want(first + i, group.flows);
      });
    }
    description.ues.forEach((ue, i) => {
      this.#want(deployed.firstNamed + i, ue.flows);
    });
  }

  present(group: string, i: number): boolean {
    return (this.#presence.get(group) as Uint8Array)[i] === 1;
  }

  /** Flows that the population wants, and how many have their guarantee now. */
  guarantees(): { wanted: number; kept: number } {
    let kept = 0;
    for (const flow of this.#flows.values()) if (this.#deployed.grid.flow(flow)?.guaranteed) kept++;
    return { wanted: this.#flows.size, kept };
  }

  /** What happens at `second` since the start, before the grid's tick. */
  at(second: number): void {
    const { description } = this.#deployed.world;
    description.events.forEach((event, e) => {
      if (event.kind === 'crowd') this.#gather(event, second);
      else if (event.kind !== 'link-cut' && event.kind !== 'link-congested') {
        const on = second >= event.from && second < (event.until ?? Number.POSITIVE_INFINITY);
        this.#toggle(`${event.kind}-${e}`, on, event);
      }
    });
    this.#retry();
  }

  /** Flows that were refused, or lost with a link, ask again. */
  #retry(): void {
    const { grid, world, groups, firstNamed } = this.#deployed;
    for (const [key, flow] of this.#flows) {
      if (flow >= 0) continue;
      const [u = 0, index = 0] = key.split(':').map(Number);
      const group = groups.findLast(({ first }) => first <= u);
      const flows = u >= firstNamed ? world.description.ues[u - firstNamed]?.flows : group?.description.flows;
      const admission = grid.addFlow({ ue: u, ...(flows?.[index] as FlowDescription) });
      this.#flows.set(key, admission.flow);
    }
  }

  #want(u: number, flows: readonly FlowDescription[]): void {
    flows.forEach((_, index) => {
      this.#flows.set(`${u}:${index}`, -1);
    });
  }

  #gather({ group, arrives, leaves }: Crowd, second: number): void {
    const { groups, grid } = this.#deployed;
    const deployedGroup = groups.find((one) => one.description.name === group);
    const presence = this.#presence.get(group);
    if (!deployedGroup || !presence) return;
    const { first, description } = deployedGroup;
    for (let i = 0; i < presence.length; i++) {
      const share = i / presence.length;
      if (presence[i] === 0 && second >= arrives.from + share * (arrives.until - arrives.from)) {
        presence[i] = 1;
        settleUe(this.#deployed, deployedGroup, i);
        this.#want(first + i, description.flows);
      }
      if (leaves && presence[i] === 1 && second >= leaves.from + share * (leaves.until - leaves.from)) {
        presence[i] = 2;
        description.flows.forEach((_, index) => {
          const key = `${first + i}:${index}`;
          grid.removeFlow(this.#flows.get(key) ?? -1);
          this.#flows.delete(key);
        });
        grid.setTraffic(first + i, 0, 0);
      }
    }
  }

  #toggle(name: string, on: boolean, event: WorldEvent): void {
    if (on === this.#faults.has(name)) return;
    const { grid } = this.#deployed;
    for (const cell of this.#cellsOf(event)) {
      const fault = faultOf(event, cell);
      if (fault === undefined) continue;
      if (on) grid.setFault(`${name}/${cell}`, fault);
      else grid.clearFault(`${name}/${cell}`);
    }
    if (on) this.#faults.add(name);
    else this.#faults.delete(name);
  }

  #cellsOf(event: WorldEvent): number[] {
    const { cells, cellGroups } = this.#deployed;
    return cells.flatMap((cell, c) => {
      if (!('site' in event)) return [c];
      const site = cell.siteId === event.site || cellGroups[c] === `${event.site} ${cell.rat}`;
      const sector = event.sector === undefined || this.#sectorOf(c) === event.sector;
      return site && sector && (event.rat === undefined || event.rat === cell.rat) ? [c] : [];
    });
  }

  /** Number of a cell among those of its site and RAT. */
  #sectorOf(c: number): number {
    const { cells } = this.#deployed;
    let sector = 0;
    while (cells[c - sector - 1]?.siteId === cells[c]?.siteId && cells[c - sector - 1]?.rat === cells[c]?.rat)
      sector++;
    return sector;
  }

  save(): HappeningsState {
    return {
      faults: [...this.#faults],
      presence: [...this.#presence].map(([name, digits]) => [name, digits.join('')]),
      flows: [...this.#flows].map(([key, flow]) => {
        const [u = 0, index = 0] = key.split(':').map(Number);
        return [u, index, flow];
      }),
    };
  }

  restore(state: HappeningsState): void {
    this.#faults.clear();
    for (const name of state.faults) this.#faults.add(name);
    for (const [name, digits] of state.presence) this.#presence.get(name)?.set([...digits].map(Number));
    this.#flows.clear();
    for (const [u, index, flow] of state.flows) this.#flows.set(`${u}:${index}`, flow);
  }
}

function faultOf(event: WorldEvent, cell: number): Fault | undefined {
  if (event.kind === 'cell-down') return { kind: 'cell-down', cell };
  if (event.kind === 'overload')
    return { kind: 'overload', cell, dl: event.dlPercent / 100, ul: event.ulPercent / 100 };
  if (event.kind === 'weather') return { kind: 'misconfiguration', cell, powerDb: -event.lossDb };
  if (event.kind !== 'misconfiguration') return undefined;
  const { tiltDeg, powerDb } = event;
  return {
    kind: 'misconfiguration',
    cell,
    ...(tiltDeg === undefined ? {} : { tiltDeg }),
    ...(powerDb === undefined ? {} : { powerDb }),
  };
}
