import { fail } from '../errors.ts';
import { type CoreNetwork, type Fault, type FaultRequest, faultRequest } from './core/index.ts';
import type { Simulation } from './model.ts';
import type { NetworkFunction } from './nf/index.ts';

/** Breaks parts of the network on purpose, and mends them. */
export interface FaultInjection {
  /** Returns the fault with its id. @throws NETWORK_FAULT_INVALID: not of this form, or about nothing there is */
  inject(request: unknown): Promise<Fault>;
  /** False where there is no fault of this id. */
  clear(id: string): Promise<boolean>;
  list(): Fault[];
}

/**
 * Faults of links, sites and configuration are looked up by the core itself; those of functions are
 * done to them here. Cells are the radio's: a simulation that cannot switch them off says so.
 */
export function faultInjection(options: {
  core: CoreNetwork;
  functions: readonly NetworkFunction[];
  simulations: readonly Simulation[];
}): FaultInjection {
  const { core, functions, simulations } = options;

  function check(request: FaultRequest): void {
    const refuse = (problem: string) => fail('NETWORK_FAULT_INVALID', { kind: request.kind, problem });
    if (request.kind === 'nf-dead' || request.kind === 'nf-overload') {
      if (functionOf(request.instance) === undefined) throw refuse(`no function ${request.instance}`);
    }
    if (request.kind === 'link-cut' || request.kind === 'link-congested') {
      const regions = simulations[0]?.regions() ?? [];
      const links = regions.flatMap(({ id }) =>
        ['central', 'edge', 'backup'].map((kind) => `link-${kind}-${id}`),
      );
      if (!links.includes(request.link))
        throw refuse(`no link ${request.link}; there are ${links.join(', ')}`);
    }
    if (request.kind === 'site-down' && core.sites.site(request.site) === undefined) {
      throw refuse(`no site ${request.site}`);
    }
    if (request.kind === 'cell-down') {
      const [simulation] = simulations;
      if (simulation?.setCellState === undefined) throw refuse('this radio cannot switch cells off');
      if (simulation.cell(request.cell) === undefined) throw refuse(`no cell ${request.cell}`);
    }
  }

  /** By NfInstanceId. */
  const functionOf = (instance: string) => functions.find((one) => one.instance === instance);

  async function apply(fault: Fault, broken: boolean): Promise<void> {
    if (fault.kind === 'cell-down') for (const one of simulations) one.setCellState?.(fault.cell, !broken);
    if (fault.kind === 'nf-dead') {
      const one = functionOf(fault.instance);
      await (broken ? one?.kill() : one?.revive());
    }
    if (fault.kind === 'nf-overload') {
      const left = core.faults.of('nf-overload').filter(({ instance }) => instance === fault.instance);
      const one = functionOf(fault.instance);
      one?.overload(Math.max(0, ...left.map(({ refused }) => refused)));
      await one?.beat();
    }
  }

  return {
    async inject(request) {
      const read = faultRequest.safeParse(request);
      if (!read.success) {
        const problem = read.error.issues.map((one) => `${one.path.join('/')}: ${one.message}`).join('; ');
        throw fail('NETWORK_FAULT_INVALID', { kind: 'unknown', problem });
      }
      check(read.data);
      const fault = core.faults.add(read.data);
      await apply(fault, true);
      return fault;
    },
    async clear(id) {
      const fault = core.faults.remove(id);
      if (fault === undefined) return false;
      await apply(fault, false);
      return true;
    },
    list: () => core.faults.list(),
  };
}
